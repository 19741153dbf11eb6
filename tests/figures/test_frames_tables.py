"""What is read from MLflow's tables is what MLflow answers."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from regsearch.figures.errors import UnreadableStoreError
from regsearch.figures.frames import read_study
from regsearch.figures.frames_runs import Runs, StoredRun
from regsearch.figures.frames_store import MlflowRuns
from regsearch.figures.frames_tables import Tables, is_known
from regsearch.tracking.labels import study_id
from tests.figures.stored import Session, empty_database
from tests.interpreters import fresh


@pytest.fixture
def file(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    empty_database(tmp_path_factory.getbasetemp(), tmp_path)
    return tmp_path / "mlflow.db"


def _ways(file: Path, experiment: str | None = None) -> tuple[Runs, Runs]:
    uri = f"sqlite:///{file}"
    return Tables(file, uri, experiment), MlflowRuns(uri, experiment)


def _shown(run: StoredRun) -> str:
    """Returns a run as text, in which NaN is NaN."""
    parts = (run.tags, run.params, run.metrics)
    plain = replace(run, tags={}, params={}, metrics={})
    return repr((plain, [sorted(part.items()) for part in parts]))


def _check_same(file: Path, experiment: str | None = None) -> int:
    """Asserts that both ways give the same; returns how many runs they give."""
    ours, theirs = _ways(file, experiment)
    assert (ours.name, ours.uri) == (theirs.name, theirs.uri)
    assert ours.studies() == theirs.studies()
    found = ours.runs(study_id("digits"))
    expected = theirs.runs(study_id("digits"))
    assert [_shown(run) for run in found] == [_shown(run) for run in expected]
    for run in found:
        for key in run.metrics:
            assert repr(ours.history(run, key)) == repr(theirs.history(run, key))
    return len(found)


def test_the_installed_mlflow_s_tables_are_known(file: Path) -> None:
    """Else all studies are read by MLflow: correctly, but some seconds later."""
    assert is_known(file)


def test_both_ways_give_the_same(file: Path) -> None:
    session = Session(f"sqlite:///{file}")
    session.trial(0, 0.5, 0.25)
    session.start(1, penalty="none", lam=0.0, act="any \n text λ")
    session.report(1, [math.nan, math.inf, -math.inf])
    assert _check_same(file) == 3
    session.trial(2, 1.0, state="failed", error="ValueError: no")
    session.close()
    client, (ours, _) = MlflowClient(f"sqlite:///{file}"), _ways(file)
    deleted, again = ours.runs(study_id("digits"))[1:3]
    client.delete_run(deleted.run_id)
    client.log_batch(again.run_id, [Metric("val_loss", 7.0, 0, 0), Metric("val_loss", 8.0, 0, 9)])
    assert _check_same(file) == 3


def test_experiments_are_told_apart_and_deleted_ones_left_out(file: Path) -> None:
    uri = f"sqlite:///{file}"
    Session(uri).trial(0, 0.5)
    Session(uri, name="two", experiment="others").trial(0, 0.25)
    assert _check_same(file) == 4
    assert _check_same(file, "others") == 2
    assert _check_same(file, "there is none") == 0
    client = MlflowClient(uri)
    found = client.get_experiment_by_name("others")
    assert found is not None
    client.delete_experiment(found.experiment_id)
    assert _check_same(file) == 2
    assert _check_same(file, "others") == 0


@pytest.mark.slow  # an interpreter of its own
def test_a_database_is_read_without_mlflow(file: Path) -> None:
    session = Session(f"sqlite:///{file}")
    session.trial(0, 0.5)
    session.start(1)
    session.report(1, [0.25])
    session.close()
    read = "from regsearch.figures.frames import read_study; data = read_study('digits')"
    said = fresh(["-c", f"import sys; {read}; print(len(data.trials), 'mlflow' in sys.modules)"])
    assert said.stdout == "2 False\n", said.stderr


def test_a_database_of_several_workspaces_is_left_to_mlflow(file: Path) -> None:
    Session(f"sqlite:///{file}").trial(0, 0.5)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE experiments SET workspace = 'team' WHERE name = 'regsearch'")
    database.close()
    assert not is_known(file)


def test_what_one_question_answers_is_of_one_moment(file: Path) -> None:
    """A writer is neither waited for nor seen before all is read."""
    session = Session(f"sqlite:///{file}")
    session.trial(0, 0.5)
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM tags")
        assert _check_same(file) == 2
        writer.execute("COMMIT")
    assert _check_same(file) == 0


def test_a_database_that_fails_while_it_is_read_is_an_error(file: Path) -> None:
    Session(f"sqlite:///{file}").trial(0, 0.5)
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE latest_metrics")
    database.close()
    with pytest.raises(UnreadableStoreError, match="but got: no such table.*Name the store"):
        read_study("digits", tracking_uri=f"sqlite:///{file}")
    assert not is_known(file.with_name("none.db"))
