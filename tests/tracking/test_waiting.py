from __future__ import annotations

import os
from pathlib import Path

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.progress import Progress
from regsearch.tracking.spool import SpoolWriter
from regsearch.tracking.waiting import Waiting, waiting
from regsearch.trials import Outcome, Report, Trial

ROOT = Path("spool")


def _written(study: str, reports: int) -> SpoolWriter:
    writer = SpoolWriter(ROOT)
    writer.append(events.opened("s", "uri", "e", StudyCard(study, "val_loss", "minimize", 2)))
    writer.append(events.started(Trial(0, {"kind": "report"}, seed=0)))
    for step in range(reports):
        writer.append(events.reported(Report(0, step, {"val_loss": 0.5})))
    writer.append(events.finished(Outcome(0, "complete", 0.5)))
    return writer


def test_counts_what_nobody_writes_or_ships() -> None:
    assert waiting(ROOT) == Waiting(0, 0)
    writers = [_written("a", 3), _written("a", 4), _written("b\n", 0)]
    assert waiting(ROOT) == Waiting(0, 0)
    for writer in writers:
        writer.close()
    assert waiting(ROOT) == Waiting(studies=2, reports=7)
    spool = writers[1].spool
    assert spool is not None
    lock = spool.take()  # as who ships it
    assert lock is not None
    assert waiting(ROOT) == Waiting(studies=2, reports=3)
    os.close(lock)


def test_what_is_shipped_does_not_wait() -> None:
    writer = _written("a", 3)
    writer.close()
    assert writer.spool is not None
    ends = [end for event, end in writer.spool.read() if event["kind"] == "report"]
    Progress(offset=ends[1]).save(writer.spool.progress)
    assert waiting(ROOT) == Waiting(studies=1, reports=1)


def test_a_spool_that_cannot_be_opened_is_left_out() -> None:
    _written("a", 3).close()
    (ROOT / "1" / "lock").mkdir()
    assert waiting(ROOT) == Waiting(0, 0)
