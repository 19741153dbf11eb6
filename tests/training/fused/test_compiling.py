"""Compiled stacks: the same trials but for rounding, and eager where nothing can be compiled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from regsearch import Outcome, Task
from regsearch.training.fused import compiling
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.fallback import TrainOn
from regsearch.training.fused.ladder import Rung
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.stack import Stack
from regsearch.training.fused.train import train_fused
from tests.training.fused.test_steps import Dropping
from tests.training.fused.toys import (
    KINDS,
    Net,
    Run,
    assert_same,
    each,
    fused,
    never,
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


@pytest.mark.usefixtures("recorded")
def test_module_code_runs_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compared with its graph the 16th time it trains, in the eighth epoch."""
    stack, calls = stack_of(Net, KINDS[:WIDTH]), []
    for _ in range(4):
        stack.epoch()
    monkeypatch.setattr(Net, "loss", _counted(Net.loss, calls))
    for _ in range(4):
        stack.epoch()
    assert len(calls) == 1


def _counted(function: Any, calls: list[None]) -> Any:
    def counted(*arguments: Any) -> Any:
        calls.append(None)
        return function(*arguments)

    return counted


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


@pytest.mark.usefixtures("recorded")
def test_what_was_compiled_serves_the_trials_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that has ended leaves its code, and nothing of what its trials have become."""
    enrolment, lineup = Enrolment(task(Dropping)), Lineup(Clipping(), WIDTH)
    losses = []
    for _ in range(2):
        members = [enrolment.member(trial) for trial in trials([KINDS[1]] * WIDTH)]
        stack = lineup.stack_for(members[0])
        stack.join(members)
        losses.append(stack.epoch())
        stack.keep([])
        lineup.end(stack)
        monkeypatch.setattr(compiling, "Graph", None)  # no more of them
    assert losses[0] == losses[1]
    assert stack.passes.refusals == []


def test_the_width_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="width must be given"):
        list(train_fused(task(), tmp_path, iter(()), never, is_compiled=True))


class Unique(Net):
    """Operations of its own, so that nothing is left of them from an earlier time; and few."""

    def make_body(self) -> nn.Module:
        return nn.Linear(6, 5, bias=False)


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
