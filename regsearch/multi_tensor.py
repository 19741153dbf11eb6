"""The penalties' arithmetic over a whole list of parameters at once, in place.

Elementwise penalties (L1, L2, elastic net) of plain strength are three memory-bound lines of
arithmetic; a Python loop with temporaries would cost as much as the naive penalty in the loss. Here
they run through torch's multi-tensor kernels, and on a CPU in chunks that stay in its cache. Every
other penalty goes tensor by tensor through its own methods, which are also what this file is tested
against.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from regsearch.penalties import L1, L2, ElasticNet, NoPenalty, Penalty, WeightDecay
from regsearch.pieces import joined, pieces
from regsearch.stepsizes import Step


class Elementwise(NamedTuple):
    """An elementwise penalty as l1·Σ|w| + l2·Σw²."""

    l1: float
    l2: float


def elementwise(penalty: Penalty) -> Elementwise | None:
    """Returns the two strengths; None if the penalty is not elementwise or they are tensors."""
    match penalty:
        case NoPenalty() | WeightDecay():
            return Elementwise(0.0, 0.0)
        case L1(lam) if not isinstance(lam, Tensor):
            return Elementwise(lam, 0.0)
        case L2(lam) if not isinstance(lam, Tensor):
            return Elementwise(0.0, lam)
        case ElasticNet(lam, r) if not isinstance(lam, Tensor) and not isinstance(r, Tensor):
            return Elementwise(lam * r, lam * (1 - r))
    return None


def total_value(penalty: Penalty, weights: Sequence[Tensor]) -> Tensor:
    """Returns the penalty of all the weights together, a scalar on the first one's device.

    Args:
        penalty: Any penalty.
        weights: At least one tensor, of any shapes.
    """
    parts = elementwise(penalty)
    if parts is None:
        return added_up([penalty.value(w) for w in weights])
    if not any(parts):
        return weights[0].new_zeros(())
    values = []
    for (ws,) in pieces(weights):
        w = joined(ws)
        if parts.l1:
            values.append(parts.l1 * w.abs().sum())
        if parts.l2:
            values.append(parts.l2 * w.square().sum())
    return added_up(values)


def added_up(values: Sequence[Tensor]) -> Tensor:
    """Returns the sum of at least one scalar; they may lie on several devices."""
    first = values[0]
    return torch.stack([value.to(first) for value in values]).sum() if values[1:] else first


@torch.no_grad()
def add_gradient_(
    penalty: Penalty, weights: Sequence[Tensor], grads: Sequence[Tensor], scale: float = 1.0
) -> None:
    """Adds the gradient of the penalty's smooth part to the gradients.

    Args:
        penalty: Any penalty.
        weights: Tensors of any shapes.
        grads: One a weight, of the same shape.
        scale: What the gradients are still multiplied by, in mixed precision.
    """
    parts = elementwise(penalty)
    if parts is None:
        for w, g in zip(weights, grads, strict=True):
            g.add_(penalty.grad(w), alpha=scale)
    elif parts.l2 and weights:
        torch._foreach_add_(list(grads), list(weights), alpha=2 * parts.l2 * scale)


@torch.no_grad()
def add_subgradient_(
    penalty: Penalty, weights: Sequence[Tensor], grads: Sequence[Tensor], scale: float = 1.0
) -> None:
    """Adds a subgradient of the whole penalty to the gradients; arguments as `add_gradient_`."""
    parts = elementwise(penalty)
    if parts is None:
        for w, g in zip(weights, grads, strict=True):
            g.add_(penalty.subgrad(w), alpha=scale)
        return
    add_gradient_(penalty, weights, grads, scale)
    if parts.l1:
        for ws, gs in pieces(weights, grads):
            torch._foreach_add_(gs, torch._foreach_sign(ws), alpha=parts.l1 * scale)


@torch.no_grad()
def decay_(decay: WeightDecay, weights: Sequence[Tensor], lr: float) -> None:
    """Multiplies the weights by 1 - lr·rate, as AdamW does before its step."""
    if isinstance(decay.rate, Tensor):
        for w in weights:
            w.copy_(decay.shrink(w, lr))
    elif weights:
        torch._foreach_mul_(list(weights), 1 - lr * decay.rate)


def has_kink(penalty: Penalty) -> bool:
    """Whether the penalty's prox can be anything but the identity."""
    parts = elementwise(penalty)
    return parts is None or parts.l1 > 0


@torch.no_grad()
def prox_(penalty: Penalty, weights: Sequence[Tensor], steps: Sequence[float | Step]) -> None:
    """Replaces the weights by the prox of the penalty's kinked part.

    Args:
        penalty: Any penalty.
        weights: Tensors of any shapes.
        steps: One a weight: a number, or the optimizer's step per coordinate.
    """
    parts = elementwise(penalty)
    if parts is None:
        for w, step in zip(weights, steps, strict=True):
            w.copy_(penalty.prox(w, step.tensor() if isinstance(step, Step) else step))
    elif parts.l1:
        adaptive = []
        for w, step in zip(weights, steps, strict=True):
            if not isinstance(step, Step):
                torch.ops.aten.softshrink.out(w, parts.l1 * step, out=w)
            else:
                adaptive.append((w, step))
        for _, alike in groupby(adaptive, key=_constants):
            _soft_threshold_(parts.l1, list(alike))


def _constants(pair: tuple[Tensor, Step]) -> tuple[float, bool, float, float]:
    step = pair[1]
    return step.numerator, step.root, step.scale, step.eps


def _soft_threshold_(lam: float, alike: Sequence[tuple[Tensor, Step]]) -> None:
    """Soft-thresholds by lam·numerator/(moment·scale + eps), with one step's constants for all."""
    step = alike[0][1]
    weights, moments = [w for w, _ in alike], [step.moment for _, step in alike]
    for ws, vs in pieces(weights, moments):
        w, v = joined(ws), joined(vs)
        threshold = v.sqrt() if step.root else v.clone()
        threshold.mul_(step.scale).add_(step.eps).reciprocal_().mul_(lam * step.numerator)
        kept = torch.clamp(w, threshold.neg(), threshold)
        if len(ws) == 1:
            ws[0].sub_(kept)
        else:
            torch._foreach_sub_(ws, list(torch.split(kept, [piece.numel() for piece in ws])))
