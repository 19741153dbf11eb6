"""One compiled pass does what the penalties' own methods do, and adds up their values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from regsearch import loops
from regsearch.compiled import is_installed
from regsearch.one_pass import OnePass, Parts, parts_of
from regsearch.penalties import (
    L1,
    L2,
    ElasticNet,
    GroupLasso,
    NoPenalty,
    Penalty,
    SparseGroupLasso,
    WeightDecay,
)
from regsearch.stepsizes import Step

KINKED = [
    L1(0.1),
    L1(0),
    ElasticNet(0.2, 0.3),
    ElasticNet(0.2, 1),
    GroupLasso(0.3),
    GroupLasso(0),
    GroupLasso(0.2, dim=1),
    GroupLasso(2, dim=-1),
    SparseGroupLasso(0.2, 0.5),
    SparseGroupLasso(0.2, 0.3, dim=1),
]
SHAPES = [(40, 30), (1, 6), (6, 1), (8, 4, 3, 3), (3, 2 * loops.BLOCK + 1)]


def weight(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def step(w: Tensor, *, root: bool = True) -> Step:
    generator = torch.Generator().manual_seed(1)
    moment = torch.rand(w.shape, generator=generator, dtype=torch.float64).to(w)
    return Step(0.3, moment, root, 1.1, 1e-8)


def parts(penalty: Penalty) -> Parts:
    found = parts_of(penalty)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("root", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("penalty", KINKED, ids=repr)
def test_prox_and_value(
    penalty: Penalty, shape: tuple[int, ...], dtype: torch.dtype, root: bool
) -> None:
    w = weight(shape, dtype)
    s, one_pass = step(w, root=root), OnePass()
    expected = penalty.prox(w, s.tensor())
    assert one_pass.prox_(parts(penalty), w, s)
    torch.testing.assert_close(w, expected)
    assert torch.equal(w == 0, expected == 0)
    assert one_pass.value(parts(penalty), [w]) == pytest.approx(float(penalty.value(w)), rel=1e-5)


@pytest.mark.parametrize("strength", [0.05, 0.5, 5.0])
def test_groups_die_as_the_strength_grows(strength: float) -> None:
    w = weight((40, 30))
    expected = GroupLasso(strength).prox(w, step(w).tensor())
    OnePass().prox_(parts(GroupLasso(strength)), w, step(w))
    dead = int((w == 0).all(1).sum())
    assert dead == int((expected == 0).all(1).sum())
    assert dead == {0.05: 0, 5.0: 40}.get(strength, dead)


def test_the_compiled_loops_are_the_plain_ones() -> None:
    w, compiled = weight((5, 7)), weight((5, 7))
    s = step(w)
    OnePass().prox_(Parts(0.1, 0.0, 0.2), compiled, s)
    radius = 0.2 * 7**0.5
    steps = s.scale / s.numerator / radius, s.eps / s.numerator / radius
    limits = torch.finfo(w.dtype).max ** 0.5, torch.finfo(w.dtype).eps ** 0.5
    numbers = loops.Shrinking(*steps, 1.0, 0.1 / radius, *limits)
    arrays = (x.numpy().reshape(1, 5, 7) for x in (w, s.moment))
    loops.shrink_groups(*arrays, True, np.array(numbers))
    torch.testing.assert_close(w, compiled)


@pytest.mark.parametrize("penalty", [*KINKED, L2(0.1), NoPenalty()], ids=repr)
def test_the_value_of_several_weights(penalty: Penalty) -> None:
    weights = [weight(shape) for shape in SHAPES]
    expected = sum(float(penalty.value(w)) for w in weights)
    assert OnePass().value(parts(penalty), weights) == pytest.approx(expected)


@pytest.mark.parametrize("penalty", [L1(0.1), GroupLasso(0.1)], ids=repr)
def test_the_value_is_that_of_the_weights_as_they_are(penalty: Penalty) -> None:
    w, one_pass = torch.nn.Parameter(weight((4, 3))), OnePass()
    one_pass.prox_(parts(penalty), w, step(w))
    for change in (_changed_in_place, _changed_behind_autograd, _replaced):
        change(w)
        after = one_pass.value(parts(penalty), [w])
        assert after == pytest.approx(float(penalty.value(w.detach())))


def _changed_in_place(w: torch.nn.Parameter) -> None:
    with torch.no_grad():
        w.mul_(2)


def _changed_behind_autograd(w: torch.nn.Parameter) -> None:
    w.data.clamp_(-0.1, 0.1)


def _replaced(w: torch.nn.Parameter) -> None:
    w.data = w.data.clone() + 1


def test_views_follow_replaced_data_and_moments() -> None:
    w, one_pass = torch.nn.Parameter(weight((4, 3))), OnePass()
    for _ in range(3):
        w.data, s = weight((4, 3)), step(w)
        expected = L1(0.1).prox(w.detach(), s.tensor())
        assert one_pass.prox_(parts(L1(0.1)), w, s)
        torch.testing.assert_close(w.detach(), expected)


def test_what_cannot_be_done_here_is_left_alone() -> None:
    w, one_pass = weight((4, 3)), OnePass()
    assert is_installed()
    assert not one_pass.prox_(parts(L1(0.1)), w, 0.5)
    for other in (w.bfloat16(), w.t(), w.to("meta")):
        assert not one_pass.prox_(parts(L1(0.1)), other, step(other))
    assert not one_pass.prox_(parts(L1(0.1)), w, step(w.float()))
    assert not one_pass.prox_(parts(GroupLasso(0.1, dim=2)), w, step(w))
    torch.set_num_threads(6)
    assert not one_pass.prox_(parts(L1(0.1)), w, step(w))
    assert one_pass.value(parts(L1(0.1)), [w]) is None
    torch.testing.assert_close(w, weight((4, 3)))


def test_parts() -> None:
    assert parts_of(NoPenalty()) == parts_of(WeightDecay(0.1)) == Parts(0.0, 0.0)
    assert parts_of(ElasticNet(0.5, 0.25)) == Parts(0.125, 0.375)
    assert parts_of(SparseGroupLasso(0.5, 0.25, dim=1)) == Parts(0.125, 0.0, 0.375, 1)
    for strength in (L1(torch.tensor(0.1)), GroupLasso(torch.tensor(0.1))):
        assert parts_of(strength) is None
    assert parts_of(SparseGroupLasso(0.1, torch.tensor(0.5))) is None


@pytest.mark.parametrize("penalty", [L1(1.0), GroupLasso(0.1)], ids=repr)
def test_no_nan_is_hidden(penalty: Penalty) -> None:
    w = torch.tensor([[torch.nan, 1.0], [-1.0, 0.5]])
    assert OnePass().prox_(parts(penalty), w, Step(0.1, torch.ones(2, 2), True, 1.0, 0.0))
    assert w[0, 0].isnan()
    assert w[1].isfinite().all()


def test_a_moment_of_zero_is_an_endless_step() -> None:
    w = torch.tensor([1.0, -1.0, 0.5])
    moment = torch.tensor([0.0, 1.0, 0.0])
    assert OnePass().prox_(parts(L1(1.0)), w, Step(0.1, moment, True, 1.0, 0.0))
    torch.testing.assert_close(w, torch.tensor([0.0, -0.9, 0.0]))


@pytest.mark.parametrize("penalty", [L1(0.1), GroupLasso(0.1)], ids=repr)
@pytest.mark.parametrize("lr", [0.0, 1e-44])
def test_a_learning_rate_of_next_to_nothing_changes_nothing(penalty: Penalty, lr: float) -> None:
    w = weight((4, 3), torch.float32)
    assert OnePass().prox_(parts(penalty), w, step(w)._replace(numerator=lr))
    torch.testing.assert_close(w, weight((4, 3), torch.float32), rtol=0, atol=0)
