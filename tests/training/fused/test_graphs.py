"""What becomes a graph, what does not, and that a graph which is no longer true is found out."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.refusal import NotFusableError
from tests.training.fused.test_compiling import WIDTH, stack_of, trained
from tests.training.fused.toys import (
    KINDS,
    Net,
    Run,
    assert_same,
    each,
    never,
    samples,
    task,
    trials,
)


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


class Parted(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * (1 + batch_idx.real)


class Playful(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * random.random()


class Lottery(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * float(np.random.random())


class Seeding(Net):
    """Draws the same noise for every batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        torch.manual_seed(0)
        return self.loss((batch[0] + torch.randn_like(batch[0]), batch[1]))


class Averaging(Net):
    """Keeps a slow copy of a weight, as teachers are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = nn.Parameter(torch.zeros_like(self.head.weight), requires_grad=False)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.slow.lerp_(self.head.weight.detach(), 0.1)
        return self.loss(batch) + (self.head.weight - self.slow).square().sum()


class Shrinking(Net):
    """Moves a weight by itself."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.head.weight.detach().mul_(0.999)
        return self.loss(batch)


class Moody(Net):
    """Gives something else in a graph, in one small metric beside a large one."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        is_traced = torch.fx.experimental.proxy_tensor.get_proxy_mode() is not None
        self.log("samples", 1e9)
        self.log("train_loss", loss.detach() * (2.0 if is_traced else 1.0))
        return loss


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (Late, "the epoch or the step"),
        (Numbered, "the batch's number"),
        (Named, "the batch's number"),
        (Counted, "the batch's number"),
        (Parted, "the batch's number"),
        (Playful, "others than torch's"),
        (Lottery, "others than torch's"),
        (Seeding, "seeds a generator"),
        (Averaging, "writes into its parameters"),
        (Shrinking, "writes into its parameters"),
        (Moody, "gives something else"),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_what_a_graph_cannot_know_is_not_compiled(net: Any, reason: str) -> None:
    """Such a step is run as ever, with the same numbers to the last bit."""
    stack, usual = (stack_of(net, KINDS[:WIDTH], full) for full in (WIDTH, None))
    stack._validates_alone = usual._validates_alone = True  # nothing to compile there
    assert stack.epoch() == usual.epoch()
    assert reason in stack.passes.refusals[0]


class Switched(Net):
    """Does something else once somebody outside has said so."""

    factor = 1.0

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * Switched.factor


@pytest.mark.usefixtures("recorded")
def test_code_that_has_changed_is_noticed_and_never_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = stack_of(Switched, KINDS[:WIDTH])
    for _ in range(7):  # of two steps each
        stack.epoch()
    monkeypatch.setattr(Switched, "factor", 0.5)
    with pytest.raises(NotFusableError, match="something else, though not when it was compiled"):
        stack.epoch()


class Talking(Net):
    """Logs under another name, or once more, once somebody outside has said so."""

    names: tuple[str, ...] = ("one",)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        for name in Talking.names:
            self.log(name, 1.0)
        return self.loss(batch)


@pytest.mark.parametrize("names", [("two",), ("one", "two")])
@pytest.mark.usefixtures("recorded")
def test_what_is_logged_by_another_name_is_noticed(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_of(Talking, KINDS[:WIDTH])
    for _ in range(7):  # of two steps each
        stack.epoch()
    monkeypatch.setattr(Talking, "names", names)
    with pytest.raises(NotFusableError, match="something else, though not when it was compiled"):
        stack.epoch()


class Rare(Net):
    """Reads an attribute for small batches only."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch) * (self.lr if len(batch[0]) < 8 else 1.0)


@pytest.mark.usefixtures("recorded")
def test_what_differs_and_is_read_late_is_found_in_graphs_too() -> None:
    """The last batch is recorded while all trials agree; then one comes that does not."""
    enrolment, lineup = Enrolment(task(Rare)), Lineup(Clipping(), 2)
    settings = [{**KINDS[1], "lr": 0.02}, {**KINDS[2], "lr": 0.02}, {**KINDS[3], "lr": 0.5}]
    first, second, other = (enrolment.member(trial) for trial in trials(settings))
    stack = lineup.stack_for(first)
    stack.join([first, second])
    stack.epoch()
    assert stack.passes.refusals == []
    stack.keep([0])
    assert lineup.stack_for(other) is stack
    other.epoch = first.epoch
    stack.join([other])
    with pytest.raises(NotFusableError, match="reads lr late"):
        stack.epoch()


@dataclass
class Opaque:
    """A batch that says nothing of what is in it."""

    x: Tensor
    y: Tensor

    def __repr__(self) -> str:
        return "a batch"


class Wrapped(Net):
    def loss(self, batch: Any) -> Tensor:
        return super().loss((batch.x, batch.y) if isinstance(batch, Opaque) else batch)


def opaque(rows: Any) -> Opaque:
    return Opaque(*map(torch.stack, zip(*rows, strict=True)))


def wrapped() -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(samples(16), 8, collate_fn=opaque), DataLoader(samples(8, seed=4), 8)


@pytest.mark.usefixtures("recorded")
def test_batches_of_objects_are_not_taken_for_each_other(tmp_path: Path) -> None:
    given = task(Wrapped, data=wrapped)
    found = Run(trained, given, trials(KINDS[:WIDTH]), tmp_path / "compiled", never)
    assert_same(found, each(given, trials(KINDS[:WIDTH]), tmp_path))
