"""The process that owns the study is killed or told to stop; the next one takes its place."""

from __future__ import annotations

import signal
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from regsearch.engines.base import Engine
from regsearch.engines.inline import InlineEngine
from regsearch.engines.processes import ProcessEngine
from regsearch.search.records import PARAMS
from regsearch.search.result import StudyResult
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.mlflow import MLflowTracker
from tests.faults.coordinators import DB, N_TRIALS, OUTPUT, finished, started, study
from tests.faults.curves import WAITS_IN, Curves, is_gone, struck_process, until
from tests.faults.slow import SlowToClose, SlowToFinish
from tests.tracking.stores import runs

pytestmark = pytest.mark.slow  # processes that import torch, killed and started again

TWO = ProcessEngine(["cpu", "cpu"])


def stored() -> list[FrozenTrial]:
    return optuna.load_study(study_name="struck", storage=DB).trials


def states() -> list[str]:
    return [trial.state.name for trial in stored()]


def _begun() -> list[str]:
    """The states of those that were started; one may be struck between its question and that."""
    return [trial.state.name for trial in stored() if PARAMS in trial.user_attrs]


def check_whole(result: StudyResult, lost: int = WAITS_IN) -> None:
    """All trials there are asked for, none twice, none open; the lost one was tried again."""
    table = result.trials.set_index("number")
    done = table[table["state"] != "failed"]
    assert len(done) == N_TRIALS
    assert not done.duplicated(["penalty", "lam", "l1_ratio"]).any()
    assert "RUNNING" not in states()
    (again,) = table.index[table["retry_of"] == lost]
    assert table.loc[again, "attempt"] == 1
    assert table.loc[again, "lam"] == table.loc[lost, "lam"]


@pytest.mark.parametrize("engine", [InlineEngine(), TWO], ids=["inline", "processes"])
def test_a_killed_coordinator_is_replaced(engine: Engine, uri: str) -> None:
    with started(study(), engine, MLflowTracker(uri), Curves(Path.cwd(), WAITS_IN)) as process:
        worker = struck_process()
        process.kill()
        process.wait()
        until(lambda: is_gone(worker), 2.0)
    assert "RUNNING" in states()
    result = finished(engine, MLflowTracker(uri))
    check_whole(result)
    failed = result.trials.query("state == 'failed'")
    assert failed["reason"].str.startswith("lost").all()
    assert len(failed) == _begun().count("FAIL")
    assert "RUNNING" not in [run.info.status for run in [*runs(uri), *runs(uri, "study")]]
    lost = [run for run in runs(uri) if run.data.tags.get("regsearch.reason") == "lost"]
    assert str(WAITS_IN) in [run.data.tags["regsearch.number"] for run in lost]


@pytest.mark.parametrize(
    ("engine", "number", "status"),
    [(TWO, signal.SIGINT, -signal.SIGINT), (InlineEngine(), signal.SIGTERM, 143)],
    ids=["ctrl-C, processes", "SIGTERM, inline"],
)
def test_a_signal_puts_everything_in_order(
    engine: Engine, number: signal.Signals, status: int, uri: str
) -> None:
    with started(study(), engine, MLflowTracker(uri), Curves(Path.cwd(), WAITS_IN)) as process:
        worker = struck_process()
        process.send_signal(number)
        assert process.wait(30.0) == status
    assert is_gone(worker)
    assert {"RUNNING", "WAITING"}.intersection(states()) == {"WAITING"}
    told = {run.data.tags["regsearch.number"]: run for run in runs(uri)}
    assert told[str(WAITS_IN)].info.status == "FAILED"
    assert told[str(WAITS_IN)].data.tags["regsearch.reason"] == "interrupted"
    assert {run.info.status for run in told.values()} == {"FINISHED", "FAILED"}
    assert [run.info.status for run in runs(uri, "study")] == ["KILLED"]
    assert OUTPUT.read_text().count("Interrupted") == 1
    result = finished(engine, MemoryTracker())
    check_whole(result)
    assert set(result.trials.query("state == 'failed'")["reason"]) == {"interrupted"}


@pytest.mark.parametrize(
    ("tracker", "number"),
    [(SlowToFinish(), signal.SIGINT), (SlowToClose(), signal.SIGTERM)],
    ids=["while trials are closed", "while the tracker is closed"],
)
def test_a_second_signal_ends_it_at_once(tracker: MemoryTracker, number: signal.Signals) -> None:
    with started(study(), TWO, tracker, Curves(Path.cwd(), WAITS_IN, seconds=0.1)) as process:
        worker = struck_process()
        process.send_signal(number)
        until(Path("cleaning").exists, 30.0)
        process.send_signal(number)
        assert process.wait(5.0) == -number
    until(lambda: is_gone(worker), 2.0)
    check_whole(finished(TWO, MemoryTracker()))
