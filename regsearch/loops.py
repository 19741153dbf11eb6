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

# Weights that are summed in their own precision, before the sum goes on in double precision.
BLOCK = 1024
MAX_NEWTON_STEPS = 100


class Steps(NamedTuple):
    """An optimizer's step per coordinate, in the weights' own type.

    Attributes:
        scale: Factor of the moment.
        eps: Added to it.
        root: Whether the moment's root is taken.
        one: 1.
    """

    scale: Number
    eps: Number
    root: bool
    one: Number


class Limits(NamedTuple):
    """What the arithmetic of a floating type can do.

    Attributes:
        tiny: The smallest normal number.
        tolerance: The relative change at which Newton's method ends.
    """

    tiny: Number
    tolerance: Number


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


def shrink_groups(
    weights: Array, moments: Array, steps: Steps, l1: Number, radius: Number, limits: Limits
) -> None:
    """Soft-thresholds by l1·step, then shrinks each group by radius·step per coordinate.

    Args:
        weights: Shape (a, groups, b); fast if b is not small.
        moments: As `weights`.
        steps: See `Steps`.
        l1: Strength of the soft-thresholding; 0 for none.
        radius: Strength of the group part, √|g| included.
        limits: See `Limits`.
    """
    width = weights.shape[2]
    w = np.empty(weights.shape[0] * width, weights.dtype)
    c = np.empty_like(w)
    for g in range(weights.shape[1]):
        for a in range(weights.shape[0]):
            part = slice(a * width, (a + 1) * width)
            _steps_of(moments[a, g], steps, c[part])
            w[part] = weights[a, g]
        for i in range(w.size):
            w[i] -= min(max(w[i], -l1 * c[i]), l1 * c[i])
            c[i] = max(radius * c[i], limits.tiny)
        norm = _norm_of_solution(w, c, steps.one, limits)
        for i in range(w.size):  # a dead group's norm is 0, and so are its weights
            w[i] = w[i] * norm / (norm + c[i])
        for a in range(weights.shape[0]):
            weights[a, g, :] = w[a * width : (a + 1) * width]


def _steps_of(moments: Array, steps: Steps, found: Array) -> None:
    """Fills in each coordinate's step."""
    scale, eps, root, one = steps
    for i in range(moments.size):
        size = math.sqrt(moments[i]) if root else moments[i]
        found[i] = one / (size * scale + eps)


def _norm_of_solution(w: Array, c: Array, one: Number, limits: Limits) -> Number:
    """Solves Σ (w_i/(s + c_i))² = 1 for s, as `regsearch.groups` does; 0 for a dead group."""
    zero = one - one
    square, ratio, drift, low = zero, zero, zero, zero
    for i in range(w.size):
        ratio += (w[i] / c[i]) * (w[i] / c[i])
        square += w[i] * w[i]
        drift += w[i] * w[i] * c[i]
    if ratio <= one:
        return zero
    for i in range(w.size):
        low = max(low, abs(w[i]) - c[i])
    norm = max(low, math.sqrt(square) - drift / max(square, limits.tiny))
    for _ in range(MAX_NEWTON_STEPS):
        total, slope = zero, zero
        for i in range(w.size):
            inverse = one / (norm + c[i])
            total += (w[i] * inverse) * (w[i] * inverse)
            slope += (w[i] * inverse) * (w[i] * inverse) * inverse
        before = norm
        norm = max(low, norm + (math.sqrt(total) - one) * total / max(slope, limits.tiny))
        if not abs(norm - before) > limits.tolerance * norm:
            break
    return norm
