"""The penalties' arithmetic over a whole list of parameters at once, in place.

Elementwise penalties (L1, L2, elastic net) of plain strength are three memory-bound lines of
arithmetic; a Python loop with temporaries would cost as much as the naive penalty in the loss. Here
they run through torch's multi-tensor kernels, and on a CPU in chunks that stay in its cache. Every
other penalty goes tensor by tensor through its own methods, which are also what this file is tested
against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from regsearch.penalties import L1, L2, ElasticNet, NoPenalty, Penalty, WeightDecay
from regsearch.stepsizes import Step

# Elements a chunk: its two buffers and two inputs fill about half of a core's second-level cache.
CHUNK = 65_536


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
        values = [penalty.value(w) for w in weights]
    else:
        absolute = [n * parts.l1 for n in _norms(weights, 1, parts.l1)]
        values = absolute + [n.square() * parts.l2 for n in _norms(weights, 2, parts.l2)]
    if not values:
        return weights[0].new_zeros(())
    return torch.stack([value.to(values[0]) for value in values]).sum()


def _norms(weights: Sequence[Tensor], order: int, strength: float) -> Iterable[Tensor]:
    return torch._foreach_norm(list(weights), order) if strength else ()


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
        for w, g in _chunks(weights, grads):
            g.add_(w.sign(), alpha=parts.l1 * scale)


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
        for w, step in zip(weights, steps, strict=True):
            _soft_threshold_(w, parts.l1, step)


def _soft_threshold_(w: Tensor, lam: float, step: float | Step) -> None:
    if not isinstance(step, Step):
        torch.ops.aten.softshrink.out(w, lam * step, out=w)
        return
    # threshold = lam·numerator / (moment·scale + eps), with the constants folded into one fraction
    scale, eps = step.scale / (lam * step.numerator), step.eps / (lam * step.numerator)
    offset = torch.tensor(eps, dtype=w.dtype, device=w.device)
    for chunk, moment in _chunks([w], [step.moment]):
        threshold = moment.sqrt() if step.root else moment.clone()
        torch.add(offset, threshold, alpha=scale, out=threshold).reciprocal_()
        chunk.sub_(torch.clamp(chunk, threshold.neg(), threshold))


def _chunks(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of views that cover the tensors; on a CPU small ones, which stay in its cache."""
    for x, y in zip(xs, ys, strict=True):
        if x.device.type == "cpu" and x.is_contiguous() and y.is_contiguous():
            pieces = (torch.split(tensor.view(-1), CHUNK) for tensor in (x, y))
            yield from zip(*pieces, strict=True)
        else:
            yield x, y
