"""A fused trial is the trial that `train_each` trains: the same numbers, the same end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam, RMSprop

from regsearch import Report
from tests.training.fused.toys import KINDS, Net, assert_same, each, fused, task, trials

OPTIMIZERS = {
    "sgd": lambda p, lr: SGD(p, 25 * lr),
    "sgd, decayed": lambda p, lr: SGD(p, 25 * lr, weight_decay=0.01),
    "momentum": lambda p, lr: SGD(p, 2 * lr, momentum=0.9),
    "dampened": lambda p, lr: SGD(p, 3 * lr, momentum=0.9, dampening=0.5, weight_decay=0.01),
    "nesterov": lambda p, lr: SGD(p, 2 * lr, momentum=0.9, nesterov=True),
    "adam": lambda p, lr: Adam(p, lr),
    "adam, decayed": lambda p, lr: Adam(p, lr, betas=(0.8, 0.95), weight_decay=0.01),
    "amsgrad": lambda p, lr: Adam(p, lr, amsgrad=True),
    "adamw": lambda p, lr: AdamW(p, lr, weight_decay=0.1),
    "rmsprop": lambda p, lr: RMSprop(p, lr / 10),
    "rmsprop, momentum": lambda p, lr: RMSprop(p, lr / 10, momentum=0.5, weight_decay=0.01),
    "rmsprop, centered": lambda p, lr: RMSprop(p, lr / 10, centered=True),
    "nadam": lambda p, lr: NAdam(p, lr),
    "adagrad": lambda p, lr: Adagrad(p, lr),
    "two groups": lambda p, lr: _two_groups(list(p), lr),
}
pytestmark = pytest.mark.filterwarnings(
    "ignore::regsearch.cautions.DoublePenaltyWarning"  # some optimizers here decay as well
)


def _two_groups(parameters: list[Any], lr: float) -> torch.optim.Optimizer:
    return Adam([{"params": parameters[:2]}, {"params": parameters[2:], "lr": 3 * lr}], lr)


class Optimized(Net):
    name = "adam"

    def configure_optimizers(self) -> Any:
        return OPTIMIZERS[self.name](self.parameters(), self.lr)


KINKED = ("l1", "elastic_net", "group_lasso", "sparse_group_lasso")
STRONG = [{**params, "lam": 5 * params["lam"]} for params in KINDS[1:]]  # zeros come soon


@pytest.mark.slow  # fifteen optimizers, about a second each
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_kind_and_optimizer_gives_what_it_gives_alone(tmp_path: Path, name: str) -> None:
    """All kinds in one stack, shuffled batches, the last one smaller."""
    epochs = 20 if name in {"momentum", "adam"} else 6  # would errors add up in sixty steps?
    given = task(type("Named", (Optimized,), {"name": name}), max_epochs=epochs)
    settings = STRONG if name in {"sgd", "adam", "adamw"} else STRONG[:5:2]
    mine = fused(given, trials(settings), tmp_path, width=len(settings))
    alone = each(given, trials(settings), tmp_path)
    assert {outcome.state for outcome in alone.outcomes.values()} == {"complete"}
    assert_same(mine, alone)
    for number in alone.outcomes:
        zeros = 0
        for parameter, weights in alone.weights(number).items():
            found = mine.weights(number)[parameter]
            torch.testing.assert_close(found, weights, rtol=1e-8, atol=1e-8)
            assert (found == 0).equal(weights == 0)
            zeros += int((weights == 0).sum())
        assert (zeros > 0) == (settings[number]["penalty"] in KINKED), "which zeros were compared?"


def _stopping(steps: dict[int, int]) -> Any:
    def stop(report: Report) -> bool:
        return steps.get(report.trial) == report.step

    return stop


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop", "nadam"])
def test_trials_that_leave_and_enter_change_no_other(tmp_path: Path, name: str) -> None:
    """Nine trials on three places: pruned and finished ones are replaced at once."""
    given = task(type("Named", (Optimized,), {"name": name}), max_epochs=6)
    settings = [*KINDS, {**KINDS[1], "lr": 0.05}, {**KINDS[4], "lr": 0.01}]
    stop = _stopping({0: 0, 2: 2, 3: 3, 5: 5, 7: 1})
    mine = fused(given, trials(settings), tmp_path, width=3, stop=stop)
    alone = each(given, trials(settings), tmp_path, stop=stop)
    assert_same(mine, alone)
    assert mine.order[0] == 0, "an outcome comes as soon as its trial has ended"


def test_trials_of_several_seeds_see_their_own_batches(tmp_path: Path) -> None:
    settings = trials(KINDS[:2], seed=1) + [
        type(trial)(trial.number + 2, trial.params, 2) for trial in trials(KINDS[:2])
    ]
    assert_same(fused(task(), settings, tmp_path), each(task(), settings, tmp_path))


def test_learning_rates_may_differ_within_a_stack(tmp_path: Path) -> None:
    settings = [{**KINDS[1], "lr": lr} for lr in (0.001, 0.01, 0.1)]
    assert_same(fused(task(), trials(settings), tmp_path), each(task(), trials(settings), tmp_path))


class Shaped(Net):
    """Its `lr` decides its shape, too."""

    def make_body(self) -> nn.Module:
        width = 7 if self.lr > 0.05 else 3
        return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 5))


class Read(Net):
    """Its `lr` is read by its training step as well."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * (1 + self.lr)


class Kept(Net):
    """Its `lr` is a hyperparameter that its validation reads."""

    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.save_hyperparameters()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch) * self.hparams.lr)


@pytest.mark.parametrize("net", [Shaped, Read, Kept])
def test_trials_that_do_not_fit_together_are_trained_side_by_side(tmp_path: Path, net: Any) -> None:
    settings = [{**KINDS[i], "lr": lr} for i, lr in enumerate((0.01, 0.1, 0.01, 0.1))]
    given = task(net)
    assert_same(fused(given, trials(settings), tmp_path), each(given, trials(settings), tmp_path))


def test_in_single_precision_losses_agree_to_its_rounding(tmp_path: Path) -> None:
    class Single(Net):
        def __init__(self, lr: float = 0.02) -> None:
            super().__init__(lr)
            self.float()

    given = task(Single, max_epochs=6)
    mine, alone = fused(given, trials(), tmp_path), each(given, trials(), tmp_path)
    for number, outcome in alone.outcomes.items():
        assert mine.outcomes[number].value == pytest.approx(outcome.value, rel=1e-5)


def test_the_width_changes_no_result(tmp_path: Path) -> None:
    wide = fused(task(), trials(), tmp_path / "wide", width=7)
    assert_same(fused(task(), trials(), tmp_path / "narrow", width=1), wide)


def test_no_trials_give_no_outcomes(tmp_path: Path) -> None:
    assert fused(task(), [], tmp_path).outcomes == {}


def test_a_width_below_one_is_refused(tmp_path: Path) -> None:
    run = fused(task(), trials(KINDS[:1]), tmp_path, width=0)
    assert "width must be at least 1, but got 0" in run.outcomes[0].error
