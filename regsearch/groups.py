"""The arithmetic of group penalties: slices of a tensor as groups, their norms, their prox.

A linear layer's weight has shape (out, in): groups along `dim=0` are its rows, one an output
neuron, groups along `dim=1` its columns, one an input. A stack of such weights has one dimension
more in front, and every slice of every member is a group of its own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

_MAX_NEWTON_STEPS = 100


class Groups(NamedTuple):
    """How a tensor falls into groups.

    Attributes:
        axes: The dimensions summed over within a group; empty if each weight is its own group.
        size: Weights in a group.
    """

    axes: tuple[int, ...]
    size: int

    def sum(self, x: Tensor) -> Tensor:
        """Sums within each group and keeps the dimensions."""
        return x.sum(self.axes, keepdim=True) if self.axes else x

    def max(self, x: Tensor) -> Tensor:
        """Takes the maximum within each group and keeps the dimensions."""
        return x.amax(self.axes, keepdim=True) if self.axes else x

    def norm(self, x: Tensor) -> Tensor:
        """Euclidean norm of each group; keeps the dimensions."""
        return torch.linalg.vector_norm(x, dim=self.axes, keepdim=True) if self.axes else x.abs()


def groups_along(w: Tensor, dim: int, *, stacked: bool) -> Groups:
    """Describes the slices of `w` along `dim` as groups.

    Args:
        w: A weight, or a stack of weights along a leading dimension.
        dim: Counts the dimensions of one weight; negative from the end.
        stacked: Whether `w` is a stack.

    Raises:
        ValueError: If a weight has no such dimension.
    """
    lead = int(stacked)
    ndim = w.ndim - lead
    if not -ndim <= dim < ndim:
        raise ValueError(
            f"A group penalty along dim={dim} needs a weight with that dimension, but got shape "
            f"{tuple(w.shape[lead:])}. Choose another dim, or a selector that leaves it out."
        )
    kept = lead + dim % ndim
    axes = tuple(axis for axis in range(lead, w.ndim) if axis != kept)
    return Groups(axes, math.prod(w.shape[axis] for axis in axes))


def shrink_groups(w: Tensor, threshold: float | Tensor, groups: Groups) -> Tensor:
    """Moves every group towards zero by `threshold` in norm: argmin_u t·|u|₂ + |u - w|²/2.

    Args:
        w: Any shape.
        threshold: A number, or a tensor that broadcasts to `w`. Where it varies within a group,
            each coordinate has a step of its own and the minimum is found by Newton's method.
        groups: How `w` falls into groups.
    """
    if isinstance(threshold, Tensor) and _varies(threshold, w, groups):
        return _shrink_per_coordinate(w, threshold, groups)
    norm = groups.norm(w)
    dead = norm <= threshold
    return torch.where(dead, torch.zeros_like(w), w * (1 - threshold / norm))


def _varies(threshold: Tensor, w: Tensor, groups: Groups) -> bool:
    shape = (1,) * (w.ndim - threshold.ndim) + tuple(threshold.shape)
    return any(shape[axis] > 1 for axis in groups.axes)


def _shrink_per_coordinate(w: Tensor, c: Tensor, groups: Groups) -> Tensor:
    """Solves argmin_u |u_g|₂ + Σ (u_i - w_i)²/(2c_i) for each group.

    Optimality reads u_i = w_i·s/(s + c_i) with s = |u|₂, so that Σ (w_i/(s + c_i))² = 1: one
    equation in s a group. Its solution is positive unless Σ (w_i/c_i)² <= 1: then u_g = 0.
    """
    c = c.expand_as(w).clamp(min=_tiny(w))
    dead = groups.sum((w / c).square()) <= 1
    s = _norm_of_solution(w, c, groups)
    return (w * (s / (s + c))).masked_fill(dead.expand_as(w), 0.0)


def _norm_of_solution(w: Tensor, c: Tensor, groups: Groups) -> Tensor:
    """Root of 1/|w/(s + c)|₂ = 1 by Newton's method (Moré and Sorensen's form of it).

    The left side is concave and increasing in s: whatever the first guess, the iteration is left of
    the root from its second step on, rises monotonically and converges quadratically. A dead group
    has no root and ends at its lower bound.
    """
    low = groups.max((w.abs() - c).clamp(min=0))
    norm = groups.norm(w)
    s = torch.maximum(low, norm - groups.sum(w.square() * c) / norm.square().clamp(min=_tiny(w)))
    tolerance = torch.finfo(w.dtype).eps ** 0.5
    for _ in range(_MAX_NEWTON_STEPS):
        inverse = (s + c).reciprocal()
        squares = (w * inverse).square()
        total = groups.sum(squares)
        norm = total.sqrt()
        slope = groups.sum(squares * inverse).clamp(min=_tiny(w))
        better = torch.maximum(low, s + (norm - 1) * total / slope)
        moving = (better - s).abs() > tolerance * better
        s = better
        if not bool(moving.any()):
            break
    return s


def _tiny(w: Tensor) -> float:
    """The smallest normal number of a dtype: keeps 0/0 at 0."""
    return torch.finfo(w.dtype).tiny
