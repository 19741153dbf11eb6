"""A trial's size, counted by hand."""

from __future__ import annotations

from operator import length_hint
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regsearch.training.fused import sizes
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.member import Member
from regsearch.training.fused.sizes import size_of, widest
from regsearch.training.fused.train import train_fused
from regsearch.trials import Report, Trial
from tests.training.fused.toys import KINDS, Net, task, trials

DOUBLE = 8
WEIGHTS = 6 * 5 + 5 + 5 + 1
KEPT = 8 * (6 + 5 + 1 + 1)  # of 8 samples: features, activations, output and target


def member(net: Any = Net) -> Member:
    return Enrolment(task(net)).member(Trial(0, KINDS[1], seed=0))


class Momentum(Net):
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class Unknown(Net):
    def configure_optimizers(self) -> Any:
        return torch.optim.Adagrad(self.parameters(), lr=0.1)


class Frozen(Net):
    def make_body(self) -> nn.Module:
        return super().make_body().requires_grad_(False)


@pytest.mark.parametrize(
    ("net", "numbers"),
    [
        (Net, 4 * WEIGHTS + KEPT),  # weights, gradient, two means
        (Momentum, 3 * WEIGHTS + KEPT),
        (Unknown, 4 * WEIGHTS + KEPT),
        (Frozen, 4 * 6 + 35 + 8 * (5 + 1 + 1)),
    ],
)
def test_a_trial_takes_what_its_tensors_take(net: Any, numbers: int) -> None:
    assert size_of(member(net)) == DOUBLE * numbers


class Wide(Net):
    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 4000), nn.Linear(4000, 2000), nn.Linear(2000, 5))


def test_large_trials_are_fewer() -> None:
    assert widest(member(), 32) == 32
    assert widest(member(Wide), 32) == 8  # of 257 MB each


@pytest.mark.parametrize(("room", "expected"), [(5.5, 5), (0.5, 1), (1000, 7)])
def test_where_nobody_says_as_many_as_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: float, expected: int
) -> None:
    one = member()
    monkeypatch.setattr(sizes, "CPU_ROOM", int(room * size_of(one)))
    given = iter(trials())
    waiting: list[int] = []

    def on_report(report: Report) -> bool:
        waiting.append(length_hint(given))
        return False

    assert len([*train_fused(task(), tmp_path, given, on_report)]) == 7
    assert 7 - waiting[0] == expected
