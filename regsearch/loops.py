"""The inner loops worth compiling: a penalty's sums, and its proximal step by coordinate.

Written for Numba: plain loops over arrays of one floating type, each a single pass over memory.
`one` is 1 in the arrays' type, since a literal would turn all to double.

A step is given per coordinate, 1/(size·scale + eps), with size the optimizer's moment or its root.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = Any
Number: TypeAlias = Any


class Shrinking(NamedTuple):
    """The numbers of a groups' proximal step, in the weights' own type.

    Attributes:
        scale: Factor of the optimizer's moment, over the group part's strength.
        eps: Added to it, over the same strength.
        one: 1.
        l1: Strength of the soft-thresholding, over the same; 0 for none.
        large: Where an inverse step ends, so that nothing overflows.
        tolerance: The relative change at which Newton's method ends.
    """

    scale: Number
    eps: Number
    one: Number
    l1: Number
    large: Number
    tolerance: Number


# Weights that are summed in their own precision, before the sum goes on in double precision.
BLOCK = 1024
MAX_NEWTON_STEPS = 100


def sums(weights: Array, one: Number) -> tuple[float, float]:
    """Returns Σ|w| and Σw² of a flat array."""
    absolute, square = 0.0, 0.0
    for start in range(0, weights.size, BLOCK):
        w = weights[start : start + BLOCK]
        a, s = one - one, one - one
        for i in range(w.size):
            a += abs(w[i])
            s += w[i] * w[i]
        absolute += a
        square += s
    return absolute, square


def row_sums(weights: Array, absolute: Array, square: Array, one: Number) -> None:
    """Adds Σ|w| and Σw² of each row to sums in double precision."""
    for k in range(weights.shape[0]):
        a, s = sums(weights[k], one)
        absolute[k] += a
        square[k] += s


def group_norms(weights: Array, one: Number) -> float:
    """Returns Σ_g ‖w_g‖₂ of weights shaped (a, groups, b)."""
    norms = 0.0
    for g in range(weights.shape[1]):
        square = one - one
        for a in range(weights.shape[0]):
            for b in range(weights.shape[2]):
                square += weights[a, g, b] * weights[a, g, b]
        norms += math.sqrt(square)
    return norms


def soft_threshold(
    weights: Array, moments: Array, scale: Number, eps: Number, root: bool, one: Number
) -> None:
    """Soft-thresholds a flat array by its steps."""
    for i in range(weights.size):
        size = math.sqrt(moments[i]) if root else moments[i]
        threshold = one / (size * scale + eps)
        weights[i] -= min(max(weights[i], -threshold), threshold)


def shrink_groups(weights: Array, moments: Array, root: bool, numbers: Array) -> None:
    """Soft-thresholds by l1·step, then shrinks each group by radius·step per coordinate.

    Args:
        weights: Shape (a, groups, b); fast if b is not small.
        moments: As `weights`.
        root: Whether the moment's root is taken.
        numbers: Those of `Shrinking` in order, as an array: nothing else reaches compiled code as
            quickly.
    """
    n = Shrinking(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])
    length, _, width = weights.shape
    w = np.empty((length, width), weights.dtype)
    d = np.empty_like(w)  # 1/(radius·step): with it, hardly anything has to be divided
    for g in range(weights.shape[1]):
        for a in range(length):
            for b in range(width):
                size = math.sqrt(moments[a, g, b]) if root else moments[a, g, b]
                d[a, b] = min(size * n.scale + n.eps, n.large)
                w[a, b] = weights[a, g, b]
        if n.l1 > 0:
            _soft_threshold(w, d, n.l1)
        norm = _norm_of_solution(w, d, n)
        for a in range(length):
            for b in range(width):  # a dead group's norm is 0, and so are its weights
                weights[a, g, b] = w[a, b] * norm * d[a, b] / (norm * d[a, b] + n.one)


def _soft_threshold(w: Array, d: Array, l1: Number) -> None:
    for a in range(w.shape[0]):
        for b in range(w.shape[1]):
            threshold = l1 / d[a, b]
            w[a, b] -= min(max(w[a, b], -threshold), threshold)


def _norm_of_solution(w: Array, d: Array, n: Shrinking) -> Number:
    """Solves Σ (w_i·d_i/(s·d_i + 1))² = 1 for s as `regsearch.groups` does, with d_i = 1/c_i.

    A dead group gives 0. No better lower bound than 0 is looked for: a maximum would cost more than
    the steps it saves.
    """
    zero = n.one - n.one
    square, ratio, mass = zero, zero, zero
    for a in range(w.shape[0]):
        for b in range(w.shape[1]):
            ratio += (w[a, b] * d[a, b]) * (w[a, b] * d[a, b])
            square += w[a, b] * w[a, b]
            mass += w[a, b] * w[a, b] * d[a, b]
    if ratio <= n.one:
        return zero
    norm = max(zero, math.sqrt(square) - square / mass)
    for _ in range(MAX_NEWTON_STEPS):
        total, slope = zero, zero
        for a in range(w.shape[0]):
            for b in range(w.shape[1]):
                inverse = d[a, b] / (norm * d[a, b] + n.one)
                total += (w[a, b] * inverse) * (w[a, b] * inverse)
                slope += (w[a, b] * inverse) * (w[a, b] * inverse) * inverse
        before = norm
        norm = max(zero, norm + (math.sqrt(total) - n.one) * total / slope)
        if not abs(norm - before) > n.tolerance * norm:
            break
    return norm
