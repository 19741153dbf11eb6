"""A trial that is killed and resumed is bit for bit the undisturbed one."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import Tensor
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau
from torch.utils.data import DataLoader

from regsearch import Trial
from regsearch.training.checkpoints import checkpoint_path
from tests.interpreters import LEARNERS
from tests.nets import data
from tests.training.attempts import (
    EPOCHS,
    PARAMS,
    Full,
    Keeping,
    attempt,
    checkpointing,
    module_with,
    momentum,
    step_in,
)
from tests.training.toys import Listener, Net, OtherNet, loaders


def adam(net: Any) -> Any:
    optimizer = Adam(net.parameters(), lr=0.05)
    return [optimizer], [CosineAnnealingLR(optimizer, EPOCHS)]


def by_step(net: Any) -> Any:
    optimizer = Adam(net.parameters(), lr=0.05, amsgrad=True)
    scheduler = OneCycleLR(optimizer, 0.1, total_steps=3 * EPOCHS)
    return [optimizer], [{"scheduler": scheduler, "interval": "step"}]


def plateau(net: Any) -> Any:
    optimizer = SGD(net.parameters(), lr=0.2)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.3)
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"},
    }


def own_generator() -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(3)
    return DataLoader(data(), 4, shuffle=True, generator=generator), loaders()[1]


def several() -> tuple[Any, Any]:
    return {"one": own_generator()[0], "other": [loaders()[0]]}, loaders()[1]


class Jointly(Full):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch["one"]) + self.loss(batch["other"][0])


class DataModule(pytorch_lightning.LightningDataModule):
    def train_dataloader(self) -> Any:
        torch.rand(5)
        return own_generator()[0]

    def val_dataloader(self) -> Any:
        return loaders()[1]


class Watch(Callback):
    """Has a state that another callback's absence would not bring back."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.seen.append(float(trainer.callback_metrics["val_loss"]))
        pl_module.log("seen", float(len(self.seen)))

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seen = state_dict["seen"]


CASES: dict[str, dict[str, Any]] = {
    "momentum": {"module": module_with(momentum)},
    "adam": {"module": module_with(adam)},
    "scheduler by step": {"module": module_with(by_step)},
    "plateau": {"module": module_with(plateau)},
    "other namespace": {"module": lambda params: OtherNet()},
    "data module": {"data": DataModule},
    "own generator": {"data": own_generator},
    "several loaders": {"module": lambda params: Jointly(), "data": several},
    "early stopping": {"trainer": {"callbacks": EarlyStopping("val_loss", patience=1)}},
    "callbacks": {"trainer": {"callbacks": [Watch(), ModelCheckpoint()]}},
    "max_steps": {"trainer": {"max_steps": 3 * EPOCHS - 1}},
    "accumulation": {"trainer": {"accumulate_grad_batches": 2}},
    "cut epochs": {"trainer": {"limit_train_batches": 2}, "data": own_generator},
    "each batch": {"trainer": {"val_check_interval": 1}},
    "within the epoch": {"trainer": {"val_check_interval": 2}},
    "every other epoch": {"trainer": {"check_val_every_n_epoch": 2}, "max_epochs": 5},
}


def state_of(folder: Path, number: int) -> dict[str, Tensor]:
    return torch.load(folder / f"{number}.pt", weights_only=True)


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_a_resumed_trial_is_the_undisturbed_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    given = checkpointing(changes)
    undisturbed = Keeping(tmp_path)
    truth = attempt(tmp_path, given, undisturbed, Trial(0, PARAMS, 7))
    assert truth.state == "complete"
    assert len(undisturbed.kept) >= 2
    for number, (step, path) in enumerate(undisturbed.kept.items(), start=1):
        listener = Listener()
        trial = Trial(number, PARAMS, 7, attempt=1, resume_from=str(path))
        outcome = attempt(tmp_path, given, listener, trial)
        assert (outcome.state, outcome.value, outcome.metrics) == (
            truth.state,
            truth.value,
            truth.metrics,
        )
        saved = step_in(undisturbed, step)
        expected = undisturbed.reports[
            saved:
        ]  # the saved one again: it may never have come through
        assert [report.step for report in listener.reports] == [r.step for r in expected]
        for mine, theirs in zip(listener.reports, expected, strict=True):
            assert mine.metrics == theirs.metrics
            assert mine.histograms == theirs.histograms
        weights, true_weights = state_of(tmp_path, number), state_of(tmp_path, 0)
        assert all(torch.equal(weights[name], true_weights[name]) for name in true_weights)


@pytest.mark.slow
def test_a_trial_killed_for_real_goes_on_where_it_stood(tmp_path: Path) -> None:
    """Slow: starts a process that trains and kills itself."""
    given = checkpointing({"module": killing})
    code = (
        "from tests.training import test_resuming as t; from pathlib import Path; "
        "t.attempt(Path('killed'), t.checkpointing({'module': t.killing}), t.Listener(), "
        "t.Trial(0, t.PARAMS, 7))"
    )
    with LEARNERS.started(["-c", code], more={"KILLED_IN": "2"}) as program:
        assert program.wait(60.0) == -signal.SIGKILL
    whole, rest = Listener(), Listener()
    attempt(tmp_path / "whole", given, whole, Trial(0, PARAMS, 7))
    left = checkpoint_path(tmp_path / "killed", 0)
    again = Trial(1, PARAMS, 7, attempt=1, resume_from=str(left))
    assert attempt(tmp_path / "killed", given, rest, again).state == "complete"
    assert [report.metrics for report in rest.reports] == [r.metrics for r in whole.reports[1:]]
    assert not list(left.parent.iterdir())


@pytest.mark.parametrize(
    ("changes", "stop_at", "state"),
    [
        ({}, 1, "pruned"),
        ({}, EPOCHS - 1, "complete"),
        (
            {"trainer": {"callbacks": EarlyStopping("val_loss", divergence_threshold=0)}},
            0,
            "pruned",
        ),
    ],
    ids=["within", "at the end", "stopped early"],
)
def test_what_is_said_to_the_report_of_a_checkpoint_counts_as_it_would_have(
    tmp_path: Path, changes: dict[str, Any], stop_at: int, state: str
) -> None:
    given = checkpointing(changes)
    undisturbed, listener = Keeping(tmp_path, stop_at), Listener(stop_at)
    truth = attempt(tmp_path, given, undisturbed, Trial(0, PARAMS, 7))
    assert truth.state == state
    left = str(undisturbed.kept[stop_at])
    outcome = attempt(tmp_path, given, listener, Trial(1, PARAMS, 7, resume_from=left))
    assert [report.step for report in listener.reports] == [stop_at]
    assert (outcome.state, outcome.metrics) == (truth.state, truth.metrics)


def killing(params: Mapping[str, Any]) -> Net:
    return Killing()


class Killing(Full):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        if os.environ.get("KILLED_IN") == str(self.current_epoch) and batch_idx == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(batch, batch_idx)
