"""What a trial's Trainer is made of: the Task's wishes first, the surroundings never."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import lightning.pytorch
import pytest
import pytorch_lightning
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from regsearch.training.trainers import saves, their_callbacks, trainer_of
from tests.training.toys import OtherNet, task, train


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        ({}, False),
        ({"enable_checkpointing": True}, True),
        ({"enable_checkpointing": False}, False),
        ({"callbacks": EarlyStopping("val_loss")}, False),
        ({"callbacks": ModelCheckpoint()}, True),
        ({"callbacks": [EarlyStopping("val_loss"), ModelCheckpoint()]}, True),
    ],
)
def test_a_task_says_whether_it_checkpoints(trainer: dict[str, Any], expected: bool) -> None:
    given = task(trainer=trainer)
    assert saves(given, pytorch_lightning, their_callbacks(given)) is expected


@pytest.mark.parametrize("package", [pytorch_lightning, lightning.pytorch])
def test_the_tasks_own_arguments_come_first(package: Any) -> None:
    given = task(trainer={"num_sanity_val_steps": 2, "callbacks": None})
    trainer = trainer_of(given, package, their_callbacks(given))
    assert trainer.num_sanity_val_steps == 2
    assert (trainer.max_epochs, trainer.world_size, trainer.loggers) == (3, 1, [])


@pytest.mark.parametrize("package", [pytorch_lightning, lightning.pytorch])
def test_the_tasks_own_profiler_is_asked(package: Any) -> None:
    class Listening(package.profilers.PassThroughProfiler):  # type: ignore[misc, name-defined]
        def start(self, action_name: str) -> None:
            raise AssertionError(action_name)

    quiet = trainer_of(task(), package, [])
    with quiet.profiler.profile("anything"):
        pass
    given = trainer_of(task(trainer={"profiler": Listening()}), package, [])
    with pytest.raises(AssertionError, match="anything"), given.profiler.profile("anything"):
        pass


@pytest.mark.parametrize("changes", [{}, {"module": lambda params: OtherNet()}])
def test_a_slurm_allocation_is_not_taken_for_the_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    job = {"NTASKS": "2", "JOB_NAME": "search", "JOB_ID": "7", "PROCID": "1", "LOCALID": "1"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    handler = signal.getsignal(signal.SIGUSR1)
    (outcome,) = train(tmp_path, task(**changes))
    assert outcome.state == "complete"
    assert signal.getsignal(signal.SIGUSR1) == handler
