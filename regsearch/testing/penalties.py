"""The laws of a penalty, for anyone who writes one.

Subclass `PenaltyLaws` in a test file and say how to build the penalty; pytest does the rest:

    class TestMyPenalty(PenaltyLaws):
        def penalty(self, lam):
            return MyPenalty(lam)

The laws are those of convex analysis (Rockafellar; Bauschke and Combettes), checked in float64
against brute force. They assume that the smooth part is quadratic, as that of an elastic net is.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regsearch.penalties import Penalty
from regsearch.strengths import Strength

SHAPES = [(3, 4), (4, 1), (2, 3, 2)]
STEPS = ["number", "per coordinate", "per coordinate, over ten decades"]


def weight(*shape: int, seed: int = 0) -> Tensor:
    """Returns a float64 weight off the kinks, standard normal."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def step_like(w: Tensor, kind: str) -> float | Tensor:
    """Returns a step of one of the `STEPS`."""
    if kind == "number":
        return 0.7
    u = torch.rand(w.shape, generator=torch.Generator().manual_seed(9), dtype=w.dtype)
    return 10 ** (10 * u - 7) if "decades" in kind else 0.2 + u


class PenaltyLaws:
    """What every penalty must obey; subclass it and define `penalty`."""

    def penalty(self, lam: Strength) -> Penalty:
        """Returns the penalty under test with strength `lam`."""
        raise NotImplementedError

    def kinked(self, penalty: Penalty, w: Tensor) -> Tensor:
        """Returns the value without the quadratic part."""
        return penalty.value(w) - (penalty.grad(w) * w).sum() / 2

    def objective(self, penalty: Penalty, u: Tensor, w: Tensor, step: float | Tensor) -> float:
        """Returns what the prox minimises over u."""
        return float(self.kinked(penalty, u) + ((u - w).square() / (2 * step)).sum())

    @pytest.mark.parametrize("kind", STEPS)
    @pytest.mark.parametrize("lam", [0.0, 0.05, 0.4, 3.0])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_prox_is_no_worse_than_brute_force(
        self, shape: tuple[int, ...], lam: float, kind: str
    ) -> None:
        penalty, w = self.penalty(lam), weight(*shape)
        step = step_like(w, kind)
        found = penalty.prox(w, step)
        best = self.objective(penalty, found, w, step)
        for rival in _rivals(found, w):
            assert best <= self.objective(penalty, rival, w, step) * (1 + 1e-12) + 1e-13

    @pytest.mark.parametrize("kind", STEPS)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_prox_is_firmly_nonexpansive(self, shape: tuple[int, ...], kind: str) -> None:
        penalty, x, y = self.penalty(0.3), weight(*shape), weight(*shape, seed=1)
        step = step_like(x, kind)
        moved = penalty.prox(x, step) - penalty.prox(y, step)
        inner = (moved * (x - y) / step).sum()
        assert (moved.square() / step).sum() <= inner * (1 + 1e-9) + 1e-12

    @pytest.mark.parametrize("kind", STEPS[:2])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_gradient_of_the_moreau_envelope(self, shape: tuple[int, ...], kind: str) -> None:
        penalty, w = self.penalty(0.3), weight(*shape)
        step, h = step_like(w, kind), 1e-6

        def envelope(v: Tensor) -> float:
            return self.objective(penalty, penalty.prox(v, step), v, step)

        expected = (w - penalty.prox(w, step)) / step
        for i in range(w.numel()):
            nudge = torch.zeros(w.numel(), dtype=w.dtype)
            nudge[i] = h
            slope = (envelope(w + nudge.view(shape)) - envelope(w - nudge.view(shape))) / (2 * h)
            assert slope == pytest.approx(float(expected.flatten()[i]), abs=1e-6)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_subgradient_is_the_gradient_off_the_kinks(self, shape: tuple[int, ...]) -> None:
        penalty, w = self.penalty(0.3), weight(*shape).requires_grad_()
        value = penalty.value(w)
        expected = torch.autograd.grad(value, w)[0] if value.requires_grad else torch.zeros_like(w)
        torch.testing.assert_close(penalty.subgrad(w.detach()), expected)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_smooth_gradient_is_linear_and_no_part_of_the_kinks(
        self, shape: tuple[int, ...]
    ) -> None:
        penalty, w, v = self.penalty(0.3), weight(*shape), weight(*shape, seed=1)
        torch.testing.assert_close(penalty.grad(w + 2 * v), penalty.grad(w) + 2 * penalty.grad(v))
        assert (penalty.grad(torch.zeros_like(w)) == 0).all()
        line = torch.tensor([0.5, 1.0, 2.0], dtype=w.dtype)
        kinked = torch.stack([self.kinked(penalty, s * w) for s in line])
        torch.testing.assert_close(kinked, line * kinked[1])

    @pytest.mark.parametrize("shape", SHAPES)
    def test_zero_stays_zero_and_costs_nothing(self, shape: tuple[int, ...]) -> None:
        penalty, zero = self.penalty(0.3), torch.zeros(shape, dtype=torch.float64)
        assert float(penalty.value(zero)) == 0.0
        assert (penalty.subgrad(zero) == 0).all()
        assert (penalty.prox(zero, 0.5) == 0).all()
        assert (penalty.prox(zero, torch.full_like(zero, 0.5)) == 0).all()

    @pytest.mark.parametrize("kind", STEPS)
    def test_strength_zero_changes_nothing(self, kind: str) -> None:
        penalty, w = self.penalty(0.0), weight(3, 4)
        assert float(penalty.value(w)) == 0.0
        assert (penalty.grad(w) == 0).all()
        assert torch.equal(penalty.prox(w, step_like(w, kind)), w)

    @pytest.mark.parametrize("kind", STEPS[:2])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_tensor_strength_is_a_loop_over_numbers(
        self, shape: tuple[int, ...], kind: str
    ) -> None:
        strengths = [0.0, 0.1, 0.5]
        stack = torch.stack([weight(*shape, seed=k) for k in range(3)])
        lam = torch.tensor(strengths, dtype=stack.dtype).view(3, *(1 for _ in shape))
        together, alone = self.penalty(lam), [self.penalty(s) for s in strengths]
        steps = [step_like(w, kind) for w in stack]
        step = torch.stack([s if isinstance(s, Tensor) else torch.full(shape, s) for s in steps])
        pairs = list(zip(alone, stack, steps, strict=True))
        torch.testing.assert_close(together.value(stack), sum(p.value(w) for p, w, _ in pairs))
        torch.testing.assert_close(
            together.grad(stack), torch.stack([p.grad(w) for p, w, _ in pairs])
        )
        torch.testing.assert_close(
            together.subgrad(stack), torch.stack([p.subgrad(w) for p, w, _ in pairs])
        )
        torch.testing.assert_close(
            together.prox(stack, step), torch.stack([p.prox(w, s) for p, w, s in pairs])
        )

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
    def test_keeps_dtype_and_leaves_its_input_alone(self, dtype: torch.dtype) -> None:
        w = weight(3, 4).to(dtype)
        before = w.clone()
        for lam in (0.3, torch.tensor(0.3, dtype=torch.float64)):
            penalty = self.penalty(lam)
            for result in (penalty.grad(w), penalty.subgrad(w), penalty.prox(w, 0.5)):
                assert result.dtype == dtype
                assert result.shape == w.shape
            assert penalty.prox(w, torch.full_like(w, 0.5)).dtype == dtype
            assert penalty.value(w).dtype == dtype
            assert penalty.value(w).ndim == 0
        assert torch.equal(w, before)

    @pytest.mark.parametrize("kind", STEPS)
    def test_nan_is_never_hidden(self, kind: str) -> None:
        w = weight(3, 4)
        step = step_like(w, kind)
        w[1, 1] = torch.nan
        assert self.penalty(2.0).prox(w, step)[1, 1].isnan()

    @pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), torch.tensor([1.0, -1.0])])
    def test_refuses_strengths_that_are_none(self, bad: Strength) -> None:
        with pytest.raises(ValueError, match="must hold, but got"):
            self.penalty(bad)


def _rivals(found: Tensor, w: Tensor) -> list[Tensor]:
    """Candidates for the minimum: moves at all scales, zeros in places, the corners."""
    generator = torch.Generator().manual_seed(3)
    rivals = [torch.zeros_like(w), w, found / 2, found * 1.001, found * 0.999]
    for scale in (1.0, 0.1, 1e-2, 1e-3, 1e-4):
        for _ in range(8):
            noise = torch.randn(w.shape, generator=generator, dtype=w.dtype)
            keep = torch.rand(w.shape, generator=generator, dtype=w.dtype) < 0.5
            rivals += [found + scale * noise, found + scale * noise * keep, found * keep]
    return rivals
