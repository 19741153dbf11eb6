"""A worker process is killed or stopped in the middle of a real training."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from regsearch.engines.processes import ProcessEngine
from regsearch.search.result import StudyResult
from regsearch.tracking.mlflow import MLflowTracker
from tests.faults.curves import is_gone, struck_process, until
from tests.faults.line_study import study
from tests.faults.lines import EPOCHS, STRUCK_IN, WAITS_IN
from tests.tracking.stores import history, runs

pytestmark = pytest.mark.slow  # worker processes that import Lightning, killed and replaced


def searched(strike: Callable[[int], None], uri: str, **changes: Any) -> tuple[int, StudyResult]:
    """Runs a study of two trials on one worker, which is struck in the second trial."""
    struck: list[int] = []

    def watch() -> None:
        struck.append(struck_process(WAITS_IN))
        strike(struck[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    engine, tracker = ProcessEngine(["cpu"]), MLflowTracker(uri)
    result = study(**changes).run(engine=engine, tracker=tracker, progress=False)
    watcher.join()
    return struck[0], result


@pytest.mark.parametrize(
    ("number", "changes", "why"),
    [
        (signal.SIGKILL, {}, "was ended by SIGKILL"),
        (signal.SIGSTOP, {"deadline": 5.0}, "gave no word for 5 s"),
    ],
    ids=["killed", "hung"],
)
def test_a_lost_worker_s_trial_goes_on_from_its_checkpoint(
    number: signal.Signals, changes: dict[str, float], why: str, uri: str
) -> None:
    worker, result = searched(lambda process: os.kill(process, number), uri, **changes)
    until(lambda: is_gone(worker), 2.0)
    table = result.trials.set_index("number")
    assert table.loc[1, "state"] == "failed"
    assert table.loc[1, "reason"].startswith("lost")
    assert why in table.loc[1, "reason"]
    assert table.loc[2, ["state", "attempt", "retry_of"]].tolist() == ["complete", 1, 1]
    assert (table.loc[1, "lam"], len(table)) == (table.loc[2, "lam"], 3)
    assert list(result.weights.glob("checkpoints/*")) == []
    told = {int(run.data.tags["regsearch.number"]): run for run in runs(uri)}
    assert [told[n].info.status for n in range(3)] == ["FINISHED", "FAILED", "FINISHED"]
    assert told[1].data.tags["regsearch.reason"] == table.loc[1, "reason"]
    tags = told[2].data.tags
    assert (tags["regsearch.retry_of"], tags["regsearch.attempt"]) == ("1", "1")
    assert tags["regsearch.trial_key"] == "line:2:1"
    steps = [[step for step, _ in history(uri, told[n].info.run_id, "val_loss")] for n in (1, 2)]
    assert steps == [list(range(STRUCK_IN)), list(range(STRUCK_IN - 1, EPOCHS))]
    undisturbed = result.optuna_study.trials
    assert [*undisturbed[2].intermediate_values] == list(range(EPOCHS))
