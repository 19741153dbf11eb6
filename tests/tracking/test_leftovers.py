from __future__ import annotations

import shutil
from pathlib import Path

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.leftovers import ship_leftovers
from regsearch.tracking.spool import SpoolWriter, spools
from regsearch.trials import Outcome, Report, Trial
from tests.tracking.stores import runs, states

SPOOL = Path("spool")


def _left(uri: str, study: str, *, bad: bool = False) -> SpoolWriter:
    """Writes what a study leaves that nobody shipped and that was killed."""
    writer = SpoolWriter(SPOOL)
    writer.append(events.opened("s", uri, "regsearch", StudyCard(study, "val_loss", "minimize", 2)))
    writer.append(events.started(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0)))
    if bad:
        writer.append({"kind": "start", "number": 1, "time": 0, "attempt": 0, "params": {}})
    writer.append(events.reported(Report(0, 0, {"val_loss": 0.5})))
    writer.append(events.finished(Outcome(0, "complete", 0.5)))
    return writer


def test_what_studies_left_is_shipped_and_gone(uri: str, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    shutil.copy(tmp_path / "mlflow.db", other)
    _left(uri, "first").close()
    _left(f"sqlite:///{other}", "second").close()
    found = ship_leftovers(SPOOL)
    assert [(left.study, left.error) for left in found] == [("first", ""), ("second", "")]
    assert spools(SPOOL) == []
    assert states(uri) == states(f"sqlite:///{other}") == {0: "complete"}
    assert [run.info.status for run in runs(uri, "study")] == ["KILLED"]


def test_what_has_a_writer_is_left_to_it(uri: str) -> None:
    writer = _left(uri, "alive")
    assert ship_leftovers(SPOOL) == []
    writer.close()
    assert ship_leftovers(Path("nowhere")) == []


def test_what_cannot_be_shipped_is_kept_and_said(uri: str) -> None:
    _left("nonsense://nowhere", "lost").close()
    _left(uri, "found").close()
    lost, found = ship_leftovers(SPOOL)
    assert "nonsense" in lost.error
    assert found.error == ""
    assert [str(spool.folder) for spool in spools(SPOOL)] == [lost.folder]
    again = ship_leftovers(SPOOL)  # it can be tried as often as one likes
    assert [left.study for left in again] == ["lost"]


def test_an_event_nobody_can_ship_does_not_hold_up_the_rest(uri: str) -> None:
    _left(uri, "study", bad=True).close()
    (left,) = ship_leftovers(SPOOL)
    assert left.error == ""
    assert states(uri) == {0: "complete", 1: "interrupted"}


def test_a_spool_that_cannot_be_opened_holds_up_nothing(uri: str) -> None:
    _left(uri, "first").close()
    (SPOOL / "1" / "lock").mkdir()
    _left(uri, "second").close()
    assert [bool(left.error) for left in ship_leftovers(SPOOL)] == [True, False]
