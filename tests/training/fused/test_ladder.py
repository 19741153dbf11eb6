"""The way that is chosen: right before fast, and said once."""

from __future__ import annotations

import logging
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from regsearch.engines.inline import InlineEngine
from regsearch.training.fused.ladder import WIDTHS, TrainFastest, fastest
from tests.training.fused import toys
from tests.training.fused.test_refusals import Item
from tests.training.fused.toys import KINDS, Net, never, task, trials


def test_small_networks_are_fused() -> None:
    rung = fastest(task(), trials(KINDS[:1])[0])
    assert rung.way == "fused"
    assert rung.width in WIDTHS
    assert "times as fast" in rung.reason


def test_a_width_that_is_asked_for_is_kept() -> None:
    assert fastest(task(), trials()[0], 6).width == 6
    rung = fastest(task(), trials()[0], 1)
    assert (rung.way, rung.width) == ("lean", 1)


@pytest.mark.parametrize(
    ("changes", "way", "reason"),
    [
        ({"net": Item}, "lean", "looks at a number"),
        ({"trainer": {"accumulate_grad_batches": 2}}, "each", "accumulate_grad_batches=2"),
        ({"net": lambda: 1 / 0}, "each", "its own code raises ZeroDivisionError"),
    ],
)
def test_what_cannot_be_fused_says_why(changes: Any, way: str, reason: str) -> None:
    rung = fastest(task(**changes), trials()[1])
    assert (rung.way, rung.width) == (way, 1)
    assert reason in rung.reason


class Unsteady(Net):
    """Gives something else when it is run for several trials."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        is_batched = torch._C._functorch.is_batchedtensor(self.head.weight)
        return self.loss(batch) * (2.0 if is_batched else 1.0)


def test_a_stack_that_gives_something_else_is_not_taken() -> None:
    rung = fastest(task(Unsteady), trials()[1])
    assert (rung.way, rung.reason) == (
        "lean",
        "its step gives something else for several trials than for one",
    )


class Random(Net):
    """Draws numbers in its step: they differ between trials, and that is no fault."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss((batch[0] + torch.randn_like(batch[0]), batch[1]))


def test_random_numbers_are_no_difference() -> None:
    assert fastest(task(Random), trials()[1]).way == "fused"


@pytest.mark.parametrize("net", [Net, Item])
def test_trials_are_trained_and_the_way_is_said_once(
    tmp_path: Path, net: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "regsearch")
    train = pickle.loads(pickle.dumps(TrainFastest(toys_task(net), tmp_path)))
    outcomes = list(InlineEngine().run(train, iter(trials()), never))
    outcomes += list(InlineEngine().run(train, iter(trials()), never))
    assert {outcome.state for outcome in outcomes} == {"complete"}
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Trials are trained")


def toys_task(net: Any) -> Any:
    return toys.Task(partial(made, net), toys.loaders, max_epochs=2)


def made(net: Any, params: Any) -> Any:
    return net()


def test_no_trials_need_no_way(tmp_path: Path) -> None:
    assert list(TrainFastest(task(), tmp_path)(iter(()), never)) == []


def many() -> Any:
    train = TensorDataset(torch.zeros(9, 6).double(), torch.zeros(9, 1).double())
    return DataLoader(train, 9), DataLoader(train, 9)


def test_data_that_cannot_be_kept_is_left_to_the_trainer() -> None:
    rung = fastest(task(data=many, max_epochs=10**7), trials()[0])
    assert (rung.way, "memory" in rung.reason) == ("each", True)
