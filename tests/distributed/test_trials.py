"""Trials on two ranks: the same as on one with the joined batches, and stopped together."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning
import torch
from torch import Tensor
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, DistributedSampler

from regsearch import Outcome, Report, Task, Trial
from regsearch.training.checkpoints import checkpoint_path
from regsearch.training.each import train_each
from tests.distributed.ranks import WORLD, Ranks
from tests.nets import data, net_class
from tests.training.toys import Listener

pytestmark = pytest.mark.slow  # two processes that import torch have to be started

BATCH = 8
OPTIMIZERS = {
    "sgd": lambda parameters: SGD(parameters, lr=0.1),
    "momentum": lambda parameters: SGD(parameters, lr=0.02, momentum=0.9),
    "adam": lambda parameters: Adam(parameters, lr=0.05),
}
PENALTIES = [
    {"penalty": "l2", "lam": 0.05},
    {"penalty": "l1", "lam": 0.05},
    {"penalty": "elastic_net", "lam": 0.1, "l1_ratio": 0.5},
    {"penalty": "group_lasso", "lam": 0.1},
    {"penalty": "weight_decay", "lam": 0.1},
]


class Net(net_class(pytorch_lightning)):  # type: ignore[misc]
    """Logs its validation loss as one process would: without a thought of others."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))


def net(params: Mapping[str, Any]) -> Net:
    return Net(OPTIMIZERS[params.get("optimizer", "sgd")])


def joined() -> tuple[Any, Any]:
    return DataLoader(data(2 * BATCH), BATCH), DataLoader(data(BATCH), BATCH)


def parted() -> tuple[Any, Any]:
    """Every other sample; Lightning's own sampler would shuffle those of the training."""
    rank, parts = int(os.environ["RANK"]), (data(2 * BATCH), data(BATCH))
    samplers = [DistributedSampler(part, WORLD, rank, shuffle=False) for part in parts]
    made = zip(parts, samplers, strict=True)
    train, validation = (DataLoader(part, BATCH // WORLD, sampler=one) for part, one in made)
    return train, validation


Trained = tuple[list[Outcome], list[Report], dict[str, Tensor]]


def train(folder: Path, trials: list[Trial], stop_at: int | None = None, **changes: Any) -> Trained:
    """Trains on this process; returns outcomes, reports and the last module's weights."""
    made: list[Any] = []
    module = changes.pop("module", net)

    def remembered(params: Mapping[str, Any]) -> Any:
        made.append(module(params))
        return made[-1]

    task = Task(**{"data": joined, "max_epochs": 3} | changes | {"module": remembered})
    listener = Listener(stop_at)
    outcomes = list(train_each(task, folder, iter(trials), listener))
    return outcomes, listener.reports, made[-1].state_dict()


def train_on_rank(folder: Path, trials: list[Trial], changes: dict[str, Any]) -> Trained:
    """The same on each rank; only the first one is told to stop."""
    given = {"data": parted, "devices_per_trial": WORLD} | changes
    if os.environ["RANK"] != "0":
        given.pop("stop_at", None)
    return train(folder, trials, **given)


def assert_alike(some: Mapping[str, float], others: Mapping[str, float]) -> None:
    assert some.keys() == others.keys()
    for name, value in some.items():
        assert value == pytest.approx(others[name], rel=1e-10, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_ranks_are_one_process_on_the_joined_batch(
    tmp_path: Path, ranks: Ranks, optimizer: str
) -> None:
    trials = [Trial(i, p | {"optimizer": optimizer}, 7) for i, p in enumerate(PENALTIES)]
    outcomes, reports, weights = train(tmp_path / "one", trials)
    shared = ranks.run(train_on_rank, tmp_path / "two", trials, {})
    assert shared[0][:2] == shared[1][:2]
    for mine, theirs in zip(shared[0][1], reports, strict=True):
        assert (mine.trial, mine.step) == (theirs.trial, theirs.step)
        assert_alike(mine.metrics, theirs.metrics)
    for outcome, truth in zip(shared[0][0], outcomes, strict=True):
        assert outcome.state == truth.state == "complete"
        saved, true = (
            torch.load(tmp_path / folder / f"{truth.number}.pt", weights_only=True)
            for folder in ("two", "one")
        )
        for name in true:
            torch.testing.assert_close(saved[name], true[name], rtol=0, atol=1e-12)
    for name, weight in shared[0][2].items():
        torch.testing.assert_close(weight, shared[1][2][name], rtol=0, atol=0)
        torch.testing.assert_close(weight, weights[name], rtol=0, atol=1e-12)


class DivergingInTraining(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        bad = self.global_rank == 1 and self.current_epoch == 1
        return super().training_step(batch, batch_idx) * (math.nan if bad else 1.0)


class DivergingInValidation(Net):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        bad = self.global_rank == 1 and self.current_epoch == 1
        self.log("val_loss", self.loss(batch) * (math.inf if bad else 1.0))


def diverging_in_training(params: Mapping[str, Any]) -> Any:
    return DivergingInTraining()


def diverging_in_validation(params: Mapping[str, Any]) -> Any:
    return DivergingInValidation()


@pytest.mark.parametrize("module", [diverging_in_training, diverging_in_validation])
def test_a_loss_that_is_not_finite_on_one_rank_stops_both(
    tmp_path: Path, ranks: Ranks, module: Any
) -> None:
    trials = [Trial(0, PENALTIES[1], 7)]
    for outcomes, reports, _ in ranks.run(train_on_rank, tmp_path, trials, {"module": module}):
        assert (outcomes[0].state, outcomes[0].reason) == ("pruned", "diverged")
        assert [report.step for report in reports] == [0, 1]


def test_what_the_first_rank_is_told_stops_both(tmp_path: Path, ranks: Ranks) -> None:
    trials = [Trial(0, PENALTIES[1], 7), Trial(1, PENALTIES[0], 7)]
    for outcomes, reports, _ in ranks.run(train_on_rank, tmp_path, trials, {"stop_at": 1}):
        assert [(outcome.state, outcome.reason) for outcome in outcomes] == [
            ("pruned", "pruner")
        ] * 2
        assert [report.step for report in reports] == [0, 1, 0, 1]
    assert not list(tmp_path.iterdir())


def test_a_metric_of_one_rank_alone_hinders_nobody(tmp_path: Path, ranks: Ranks) -> None:
    trials = [Trial(0, PENALTIES[1], 7)]
    for outcomes, _, _ in ranks.run(train_on_rank, tmp_path, trials, {"module": talkative}):
        assert outcomes[0].metrics["only/first"] == 5.0


class Talkative(Net):
    def on_validation_epoch_end(self) -> None:
        if self.global_rank == 0:
            self.log("only/first", 5.0, rank_zero_only=True)


def talkative(params: Mapping[str, Any]) -> Any:
    return Talkative()


def test_both_ranks_resume_from_what_the_first_has_saved(tmp_path: Path, ranks: Ranks) -> None:
    params = PENALTIES[1] | {"optimizer": "adam"}
    changes = {"trainer": {"enable_checkpointing": True}}
    (whole, *_) = ranks.run(train_on_rank, tmp_path, [Trial(0, params, 7)], changes)
    broken = changes | {"module": crashing}
    (crashed, *_) = ranks.run(crash_on_rank, tmp_path, [Trial(1, params, 7)], broken)
    left = checkpoint_path(tmp_path, 1)
    assert crashed
    assert [path.name for path in left.parent.iterdir()] == [left.name]
    again = [Trial(2, params, 7, attempt=1, resume_from=str(left))]
    for outcomes, reports, weights in ranks.run(train_on_rank, tmp_path, again, changes):
        assert [report.step for report in reports] == [1, 2]
        assert outcomes[0].metrics == whole[0][0].metrics
        assert all(torch.equal(weights[name], whole[2][name]) for name in weights)
    assert not list(left.parent.iterdir())


class Crashing(Net):
    def on_train_epoch_start(self) -> None:
        if self.current_epoch == 2:
            raise OSError("the disk is gone")


def crashing(params: Mapping[str, Any]) -> Any:
    return Crashing(OPTIMIZERS["adam"])


def crash_on_rank(folder: Path, trials: list[Trial], changes: dict[str, Any]) -> bool:
    try:
        train_on_rank(folder, trials, changes)
    except OSError:
        return True
    return False
