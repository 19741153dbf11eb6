"""Compiled stacks: the same trials but for rounding, and eager where nothing can be compiled."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from regsearch import Outcome, Task
from regsearch.training.fused import compiling
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.fallback import TrainOn
from regsearch.training.fused.ladder import Rung
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.stack import Stack
from tests.training.fused.test_steps import Dropping
from tests.training.fused.toys import (
    KINDS,
    Net,
    Run,
    assert_same,
    each,
    fused,
    samples,
    stop_early,
    task,
    trials,
)

WIDTH = 3
needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="Inductor needs a C++ compiler"
)


class Busy(Net):
    """Has all that a graph must carry: buffers that change, metrics of a step, a dict, no index."""

    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU())

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.log("train_loss", loss)
        self.log("often", 2.0 * loss, on_step=True, on_epoch=True)
        return {"loss": loss}

    def validation_step(self, batch: Any) -> None:  # type: ignore[override]
        self.log("val_loss", self.loss(batch))


def few() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """One shape of training batches and one of validation's: a graph takes seconds to compile."""
    return DataLoader(samples(16), 8, shuffle=True), DataLoader(samples(8, seed=4), 8)


def stack_of(net: Any, settings: list[Any], full: int | None = WIDTH) -> Stack:
    enrolment, lineup = Enrolment(task(net, data=few)), Lineup(Clipping(), full)
    members = [enrolment.member(trial) for trial in trials(settings)]
    stack = lineup.stack_for(members[0])
    stack.join(members)
    return stack


@pytest.fixture
def _one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiles the first pass alone."""
    monkeypatch.setattr(compiling, "SHAPES", 1)


def trained(given: Task, folder: Path, *arguments: Any) -> Iterator[Outcome]:
    return TrainOn(Rung("compiled", WIDTH, ""), given, folder)(*arguments)


def compiled(given: Task, folder: Path) -> Run:
    return Run(trained, given, trials(KINDS), folder / "compiled", stop_early)


@needs_compiler
@pytest.mark.slow  # compiles
def test_compiled_trials_are_what_they_are_alone(tmp_path: Path) -> None:
    """Seven kinds, three at once; one ends early, so that others are at epochs of their own."""
    given = task(Busy, data=few)
    alone = each(given, trials(KINDS), tmp_path, stop=stop_early)
    assert_same(compiled(given, tmp_path), alone)


@needs_compiler
@pytest.mark.slow  # compiles
def test_full_stacks_are_compiled_and_others_are_not() -> None:
    """A stack that has lost a trial goes on as if it had never been compiled."""
    stack, usual = stack_of(Busy, KINDS[:WIDTH]), stack_of(Busy, KINDS[:WIDTH], None)
    for rows in ([0, 1, 2], [0, 2], [0, 1]):
        for one in (stack, usual):
            one.keep(rows)
        for mine, theirs in zip(stack.epoch(), usual.epoch(), strict=True):
            assert mine == pytest.approx(theirs, rel=1e-8)
    passes: Any = stack.passes
    assert stack.passes.refusals == []
    assert [graph is not None for graph in passes._graphs.values()] == [True] * 2


@needs_compiler
@pytest.mark.slow  # compiles
def test_no_module_code_runs_once_it_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_of(Busy, KINDS[:WIDTH])
    stack.epoch()
    monkeypatch.delattr(Net, "loss")
    stack.epoch()
    stack.keep([0, 1])
    with pytest.raises(AttributeError, match="loss"):
        stack.epoch()


@needs_compiler
@pytest.mark.slow  # compiles
@pytest.mark.usefixtures("_one_graph")
def test_dropout_is_each_trials_own_and_repeatable() -> None:
    """Equal trials differ by what they drop; the same stack again gives the same."""
    first, second = (stack_of(Dropping, [KINDS[1]] * WIDTH) for _ in range(2))
    losses = [[one["loss/data"] for one in stack.epoch()] for stack in (first, second)]
    assert first.passes.refusals == []
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == WIDTH


class Late(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * (1.0 if self.current_epoch < 2 else 0.5)


class Numbered(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * (1.0 if batch_idx == 0 else 0.5)


class Named(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.log(f"batch {batch_idx}", 1.0)
        return self.loss(batch)


class Counted(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) / (1 + batch_idx)


class Playful(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * random.random()


class Lottery(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * float(np.random.random())


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (Late, "the epoch or the step"),
        (Numbered, "the batch's number"),
        (Named, "the batch's number"),
        (Counted, "the batch's number"),
        (Playful, "Python's generator"),
        (Lottery, "NumPy's"),
    ],
)
def test_what_a_graph_cannot_know_is_not_compiled(net: Any, reason: str) -> None:
    """Such a step is run as ever, with the same numbers to the last bit."""
    stack, usual = (stack_of(net, KINDS[:WIDTH], full) for full in (WIDTH, None))
    stack._validates_alone = usual._validates_alone = True  # nothing to compile there
    assert stack.epoch() == usual.epoch()
    assert reason in stack.passes.refusals[0]


class Other(Net):
    """Gives something else in a graph."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        is_traced = torch.fx.experimental.proxy_tensor.get_proxy_mode() is not None
        return self.loss(batch) * (2.0 if is_traced else 1.0)


@pytest.mark.usefixtures("_one_graph")
def test_a_graph_that_gives_something_else_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled or not: a graph is what a module did once, not what it does."""
    monkeypatch.setattr(compiling, "_compile", lambda function: function)
    stack, usual = (stack_of(Other, KINDS[:WIDTH], full) for full in (WIDTH, None))
    for mine, theirs in zip(stack.epoch(), usual.epoch(), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-8)
    assert stack.passes.refusals == ["compiled, it gives something else"]


class Unique(Net):
    """A shape of its own, so that nothing is left of it from an earlier time."""

    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 7), nn.Softplus(), nn.Linear(7, 5))


@pytest.mark.usefixtures("_one_graph")
def test_without_a_compiler_trials_are_trained_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    stack = stack_of(Unique, KINDS[:WIDTH])
    with torch._inductor.config.patch({"cpp.cxx": (str(tmp_path / "no-compiler"),)}):
        found = compiled(task(Unique), tmp_path)
        stack.epoch()
    assert_same(found, fused(task(Unique), trials(), tmp_path, width=WIDTH, stop=stop_early), 0.0)
    assert "it cannot be compiled" in stack.passes.refusals[0]
