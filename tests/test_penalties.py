"""Every penalty obeys the laws; what each is in particular."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regsearch.penalties import (
    KINDS,
    L1,
    L2,
    RATIO_KINDS,
    ElasticNet,
    GroupLasso,
    NoPenalty,
    Penalty,
    SparseGroupLasso,
    WeightDecay,
    from_params,
    soft_threshold,
)
from regsearch.strengths import Strength
from regsearch.testing.penalties import PenaltyLaws, weight


def _under_the_laws(kind: str) -> type[PenaltyLaws]:
    class Laws(PenaltyLaws):
        def penalty(self, lam: Strength) -> Penalty:
            return KINDS[kind](lam, 0.6)

    return Laws


globals().update({f"Test_{kind}": _under_the_laws(kind) for kind in KINDS if kind != "none"})


class TestGroupLassoOverInputs(PenaltyLaws):
    def penalty(self, lam: Strength) -> Penalty:
        return GroupLasso(lam, dim=1)


class TestGroupLassoOverTheLastDimension(PenaltyLaws):
    def penalty(self, lam: Strength) -> Penalty:
        return GroupLasso(lam, dim=-1)


def test_no_penalty_is_a_strength_of_zero() -> None:
    w = weight(3, 4)
    assert float(NoPenalty().value(w)) == 0.0
    assert torch.equal(NoPenalty().prox(w, 1.0), w)
    assert not NoPenalty().grad(w).any()
    assert not NoPenalty().subgrad(w).any()


@pytest.mark.parametrize("method", ["value", "grad", "subgrad"])
def test_elastic_net_ends_at_l1_and_l2(method: str) -> None:
    w = weight(3, 4)
    torch.testing.assert_close(getattr(ElasticNet(0.3, 1), method)(w), getattr(L1(0.3), method)(w))
    torch.testing.assert_close(getattr(ElasticNet(0.3, 0), method)(w), getattr(L2(0.3), method)(w))


@pytest.mark.parametrize("step", [0.5, torch.full((3, 4), 0.5, dtype=torch.float64)])
def test_prox_of_mixtures_ends_at_their_parts(step: float | Tensor) -> None:
    w = weight(3, 4)
    assert torch.equal(ElasticNet(0.3, 1).prox(w, step), L1(0.3).prox(w, step))
    assert torch.equal(ElasticNet(0.3, 0).prox(w, step), w)
    assert torch.equal(SparseGroupLasso(0.3, 1).prox(w, step), L1(0.3).prox(w, step))
    torch.testing.assert_close(
        SparseGroupLasso(0.3, 0).prox(w, step), GroupLasso(0.3).prox(w, step)
    )


def test_values_are_the_formulas() -> None:
    w = torch.tensor([[3.0, -4.0], [0.0, 0.0]])
    assert float(L1(0.5).value(w)) == 3.5
    assert float(L2(0.5).value(w)) == 12.5
    assert float(ElasticNet(0.5, 0.2).value(w)) == pytest.approx(0.5 * (0.2 * 7 + 0.8 * 25))
    assert float(GroupLasso(0.5).value(w)) == pytest.approx(0.5 * math.sqrt(2) * 5)
    assert float(GroupLasso(0.5, dim=1).value(w)) == pytest.approx(0.5 * math.sqrt(2) * 7)
    assert float(SparseGroupLasso(1.0, 0.5).value(w)) == pytest.approx(3.5 + math.sqrt(2) * 2.5)
    assert float(WeightDecay(0.5).value(w)) == 0.0


def test_soft_thresholding_gives_zeros_that_are_zero() -> None:
    w = torch.tensor([0.3, -0.3, 0.1, -0.0, 2.0])
    shrunk = soft_threshold(w, 0.3)
    assert (shrunk[:4] == 0.0).all()
    assert not shrunk[:4].signbit().any()
    assert float(shrunk[4]) == pytest.approx(1.7)


@pytest.mark.parametrize("uniform", [True, False])
def test_a_group_dies_exactly_at_its_threshold(uniform: bool) -> None:
    """Zero iff ‖w/t‖ <= λ√|g|, for one step and for a step per coordinate."""
    w = weight(1, 5)
    step = torch.full_like(w, 0.7) if uniform else 0.2 + weight(1, 5, seed=2).abs()
    edge = float((w / step).norm()) / math.sqrt(5)
    assert (GroupLasso(edge * 1.000001).prox(w, step) == 0.0).all()
    assert (GroupLasso(edge * 0.999999).prox(w, step) != 0.0).all()


def test_group_prox_with_equal_steps_is_the_closed_form() -> None:
    w = weight(4, 6)
    varied = torch.full_like(w, 0.2)
    varied[0, 0] = 0.2 * (1 + 1e-15)  # one bit off: takes the general way
    torch.testing.assert_close(GroupLasso(0.3).prox(w, varied), GroupLasso(0.3).prox(w, 0.2))


def test_group_prox_in_two_dimensions_against_a_grid() -> None:
    w, step = torch.tensor([[1.3, -0.4]], dtype=torch.float64), torch.tensor([[0.9, 0.1]])
    best = torch.zeros(2, dtype=torch.float64)
    for half in (1.5, 0.05):  # the cost is convex: a finer grid around the coarse one's minimum
        axis = torch.linspace(-half, half, 301, dtype=torch.float64)
        grid = best + torch.cartesian_prod(axis, axis)
        cost = 0.5 * math.sqrt(2) * grid.norm(dim=1) + ((grid - w).square() / (2 * step)).sum(1)
        best = grid[cost.argmin()]
    torch.testing.assert_close(GroupLasso(0.5).prox(w, step.double())[0], best, atol=5e-4, rtol=0)


def test_groups_of_a_vector_are_its_entries() -> None:
    w = weight(5)
    torch.testing.assert_close(GroupLasso(0.3).prox(w, 0.5), L1(0.3).prox(w, 0.5))
    torch.testing.assert_close(GroupLasso(0.3).value(w), L1(0.3).value(w))


def test_group_penalty_along_a_missing_dimension_says_so() -> None:
    with pytest.raises(ValueError, match=r"dim=2 needs a weight .* shape \(3, 4\)"):
        GroupLasso(0.1, dim=2).value(weight(3, 4))


def test_weight_decay_shrinks() -> None:
    w = weight(3, 4)
    torch.testing.assert_close(WeightDecay(0.1).shrink(w, lr=0.5), w * 0.95)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("kind", sorted(RATIO_KINDS))
def test_ratio_outside_0_to_1_is_refused(kind: str, ratio: float) -> None:
    with pytest.raises(ValueError, match="0 <= l1_ratio <= 1 must hold, but got"):
        KINDS[kind](0.1, ratio)


@pytest.mark.parametrize("lam", ["0.1", None, True])
def test_strength_that_is_no_number_is_refused(lam: object) -> None:
    with pytest.raises(TypeError, match="lam must be a number"):
        L1(lam)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_params_name_a_penalty(kind: str) -> None:
    params = {"penalty": kind, "lam": 0.1, "l1_ratio": 0.5, "lr": 1e-3}
    assert from_params(params) == KINDS[kind](0.1, 0.5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"penalty": "l3", "lam": 1.0}, "must be one of none, l1, l2, .* but got 'l3'"),
        ({"lam": 1.0}, "but got None"),
        ({"penalty": "l1"}, "needs lam"),
        ({"penalty": "elastic_net", "lam": 1.0}, "needs l1_ratio"),
    ],
)
def test_params_that_name_none_are_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_params(params)


def test_baseline_needs_no_strength() -> None:
    assert from_params({"penalty": "none"}) == NoPenalty()
