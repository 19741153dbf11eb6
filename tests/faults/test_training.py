"""What goes wrong in a real training: a signal, a loss that explodes, an error of the user's."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.trial import TrialState

from regsearch.engines.inline import InlineEngine
from regsearch.search.errors import RepeatedFailureError
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.training.task import Task
from tests.faults.coordinators import OUTPUT, started
from tests.faults.curves import struck_process
from tests.faults.line_study import study
from tests.faults.lines import EPOCHS, STRUCK_IN, WAITS_IN, Line, data
from tests.tracking.stores import artifact, history, runs

pytestmark = pytest.mark.slow  # processes that import torch and MLflow


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)]
)
def test_a_signal_in_the_midst_of_a_fit(number: signal.Signals, status: int) -> None:
    with started(study(), InlineEngine(), MemoryTracker(), "auto") as process:
        assert struck_process(WAITS_IN) == process.pid
        process.send_signal(number)
        assert process.wait(30.0) == status
    assert OUTPUT.read_text().count("Interrupted") == 1
    tracker = MemoryTracker()
    table = study().run(tracker=tracker, progress=False).trials
    assert table["state"].tolist() == ["complete", "failed", "complete"]
    assert table["reason"].tolist() == ["", "interrupted", ""]
    assert len(tracker.reports[2]) == EPOCHS - STRUCK_IN + 1
    assert Path(str(tracker.trials[2].resume_from)).name == f"{WAITS_IN}.ckpt"


class Exploding(Line):
    """Leaves the finite numbers after two epochs."""

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return super().training_step(batch, batch_idx) * (1e30 if self.current_epoch > 1 else 1.0)


def exploding(params: Mapping[str, Any]) -> Line:
    return (Exploding if params["lam"] else Line)(waits=False)


def test_a_loss_that_explodes_is_bad_news_for_the_sampler(uri: str) -> None:
    task = Task(exploding, data, max_epochs=EPOCHS)
    result = study(task=task).run(tracker=MLflowTracker(uri), progress=False)
    assert result.trials["state"].tolist() == ["complete", "pruned"]
    assert result.trials["reason"].tolist() == ["", "diverged"]
    seen = result.optuna_study.trials[1]
    assert seen.state == TrialState.PRUNED
    assert seen.value == 1e30
    (run,) = [run for run in runs(uri) if run.data.tags["regsearch.number"] == "1"]
    assert (run.info.status, run.data.tags["regsearch.reason"]) == ("KILLED", "diverged")
    assert [step for step, _ in history(uri, run.info.run_id, "loss/total")][:2] == [0, 1]


def broken(params: Mapping[str, Any]) -> Line:
    raise RuntimeError("no such layer")


def test_an_error_of_the_user_s_stops_the_study_and_stands_on_the_runs(
    uri: str, tmp_path: Path
) -> None:
    task = Task(broken, data, max_epochs=EPOCHS)
    with pytest.raises(RepeatedFailureError, match=r"(?s)5 trials in a row.*no such layer"):
        study(task=task, n_trials=20).run(tracker=MLflowTracker(uri), progress=False)
    failed = runs(uri)
    assert [run.info.status for run in failed] == ["FAILED"] * 5
    for run in failed:
        assert run.data.tags["regsearch.reason"] == "RuntimeError: no such layer"
        text = artifact(uri, run.info.run_id, "error.txt", tmp_path / run.info.run_id).read_text()
        assert "in broken" in text
    assert [run.info.status for run in runs(uri, "study")] == ["KILLED"]
