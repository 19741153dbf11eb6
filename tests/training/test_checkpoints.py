"""A trial's checkpoint: never half a file, never another trial's, and gone when it has ended."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from regsearch import Trial
from regsearch.training.checkpoints import ResumeWarning, checkpoint_path
from tests.training.attempts import PARAMS, Keeping, attempt, checkpointing, step_in
from tests.training.toys import Listener, Net, task


class Explosive:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("exploded"),)


def truncated(path: Path, good: bytes) -> None:
    path.write_bytes(good[: len(good) // 2])


def garbage(path: Path, good: bytes) -> None:
    path.write_bytes(b"no checkpoint")


def empty(path: Path, good: bytes) -> None:
    path.write_bytes(b"")


def missing(path: Path, good: bytes) -> None:
    pass


def folder(path: Path, good: bytes) -> None:
    path.mkdir()


def weights_alone(path: Path, good: bytes) -> None:
    torch.save(Net().state_dict(), path)


def explosive(path: Path, good: bytes) -> None:
    torch.save({"regsearch": Explosive()}, path)


@pytest.mark.parametrize(
    "spoil", [truncated, garbage, empty, missing, folder, weights_alone, explosive]
)
def test_an_unreadable_checkpoint_is_warned_of_and_the_trial_begins_anew(
    tmp_path: Path, spoil: Callable[[Path, bytes], None]
) -> None:
    given = checkpointing({"max_epochs": 2})
    undisturbed, listener = Keeping(tmp_path), Listener()
    truth = attempt(tmp_path, given, undisturbed, Trial(0, PARAMS, 7))
    spoil(tmp_path / "spoilt.ckpt", undisturbed.kept[0].read_bytes())
    trial = Trial(1, PARAMS, 7, attempt=1, resume_from=str(tmp_path / "spoilt.ckpt"))
    with pytest.warns(ResumeWarning, match=r"from the beginning, .*spoilt\.ckpt cannot be read"):
        outcome = attempt(tmp_path, given, listener, trial)
    assert outcome.metrics == truth.metrics
    assert len(listener.reports) == 2
    assert not Path("exploded").exists()


class Exploding(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        return loss * torch.nan if self.current_epoch else loss


@pytest.mark.parametrize(
    ("changes", "stop_at", "state"),
    [
        ({}, None, "complete"),
        ({}, 1, "pruned"),
        ({"module": lambda params: Exploding()}, 9, "pruned"),
    ],
)
def test_a_trial_that_has_ended_leaves_no_checkpoint(
    tmp_path: Path, changes: dict[str, Any], stop_at: int | None, state: str
) -> None:
    listener = Listener(stop_at)
    outcome = attempt(tmp_path, checkpointing(changes), listener, Trial(3, PARAMS, 7))
    assert outcome.state == state
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_diverged_epoch_is_not_saved(tmp_path: Path) -> None:
    listener = Keeping(tmp_path)
    given = checkpointing({"module": lambda params: Exploding()})
    truth = attempt(tmp_path, given, listener, Trial(0, PARAMS, 7))
    assert step_in(listener, 1) == 0
    again = Trial(1, PARAMS, 7, resume_from=str(listener.kept[1]))
    assert attempt(tmp_path, given, Listener(), again).error == truth.error


def test_what_another_trial_left_under_the_number_is_not_kept(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path, 0)
    path.parent.mkdir(parents=True)
    path.write_text("of a trial long ago")

    def crash(params: Mapping[str, Any]) -> Net:
        net = Net()
        net.on_train_start = lambda: 1 / 0  # type: ignore[assignment]
        return net

    with pytest.raises(ZeroDivisionError):
        attempt(tmp_path, checkpointing({"module": crash}), Listener(), Trial(0, PARAMS, 7))
    assert not path.exists()


def test_a_checkpoint_may_lie_where_the_trial_keeps_its_own(tmp_path: Path) -> None:
    undisturbed, listener = Keeping(tmp_path), Listener()
    given = checkpointing({})
    attempt(tmp_path, given, undisturbed, Trial(0, PARAMS, 7))
    path = shutil.copy(undisturbed.kept[1], checkpoint_path(tmp_path, 0))
    attempt(tmp_path, given, listener, Trial(0, PARAMS, 7, resume_from=str(path)))
    assert [report.step for report in listener.reports] == [2, 3]


def test_without_checkpointing_nothing_is_written_or_read(tmp_path: Path) -> None:
    trial = Trial(0, PARAMS, 7, resume_from="nowhere.ckpt")
    for given in (task(), checkpointing({"trainer": {"enable_checkpointing": False}})):
        assert attempt(tmp_path, given, Listener(), trial).state == "complete"
        assert [path.name for path in tmp_path.iterdir()] == ["0.pt"]


def test_the_tasks_wish_to_checkpoint_leaves_nothing_else_behind(tmp_path: Path) -> None:
    attempt(tmp_path / "weights", checkpointing({}), Listener(), Trial(0, PARAMS, 7))
    assert [path.name for path in Path.cwd().iterdir()] == ["weights"]
    names = sorted(path.name for path in (tmp_path / "weights").iterdir())
    assert names == ["0.pt", "checkpoints"]
