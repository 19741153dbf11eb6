"""Proximal steps and penalty values on a CPU, each in one compiled pass over the weights.

Where Numba is not installed, the step is one number for all coordinates, or a tensor does not lie
plainly in a CPU's memory, nothing happens here and the eager kernels of `regsearch.multi_tensor` do
the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from regsearch import loops
from regsearch.compiled import compiled, is_installed
from regsearch.multi_tensor import elementwise
from regsearch.penalties import GroupLasso, Penalty, SparseGroupLasso
from regsearch.stepsizes import Step

_PLAIN = (Tensor, nn.Parameter)
_TYPES = (torch.float32, torch.float64)
# One compiled thread is as fast as about this many threads of eager kernels.
_FEW_THREADS = 4
# A strength times a learning rate, say of a schedule's first step, that moves nothing: its inverse
# would overflow.
_NOTHING = 1e-30


class Parts(NamedTuple):
    """A penalty as l1·Σ|w| + l2·Σw² + group·Σ_g √|g|·‖w_g‖₂, its groups along `dim`."""

    l1: float
    l2: float
    group: float = 0.0
    dim: int = 0


def parts_of(penalty: Penalty) -> Parts | None:
    """Returns a penalty's strengths; None if it has no such form, or they are tensors."""
    match penalty:
        case GroupLasso(lam, dim) if not isinstance(lam, Tensor):
            return Parts(0.0, 0.0, lam, dim)
        case SparseGroupLasso(lam, r, dim) if not (
            isinstance(lam, Tensor) or isinstance(r, Tensor)
        ):
            return Parts(lam * r, 0.0, lam * (1 - r), dim)
    found = elementwise(penalty)
    return None if found is None else Parts(*found)


class OnePass:
    """The passes over one model's weights, with the arrays they need.

    Making an array of a tensor costs as much as thresholding a thousand weights: each is kept until
    its tensor has other data.
    """

    def __init__(self) -> None:
        self._weights: dict[int, _View] = {}
        self._moments: dict[int, _View] = {}

    def prox_(self, parts: Parts, w: Tensor, step: float | Step) -> bool:
        """Replaces a weight by its prox.

        Args:
            parts: The penalty.
            w: Any shape.
            step: The optimizer's step.

        Returns:
            Whether it could be done here; if not, the weight is untouched.
        """
        if not isinstance(step, Step) or not _fits(parts, w):
            return False
        weights, moments = _array(self._weights, w, w), _array(self._moments, w, step.moment)
        if weights is None or moments is None or weights.dtype != moments.dtype:
            return False
        if (parts.l1 + parts.group) * step.numerator >= _NOTHING:
            _shrink = _shrink_groups if parts.group else _soft_threshold
            _shrink(parts, w.shape, weights, moments, step)
        return True

    def value(self, parts: Parts, weights: Iterable[Tensor]) -> float | None:
        """Returns the penalty of all the weights together; None if one cannot be done here."""
        total = 0.0
        for w in weights:
            array = _array(self._weights, w, w) if _fits(parts, w) else None
            if array is None:
                return None
            total += _value(parts, w.shape, array)
        return total


class _View(NamedTuple):
    tensor: Tensor  # held, so that nobody else gets its id
    address: int
    array: Any


def _array(views: dict[int, _View], w: Tensor, tensor: Tensor) -> Any:
    """Returns a weight's tensor as a flat array; None if it has none."""
    view = views.get(id(w))
    if view is None or view.tensor is not tensor or view.address != tensor.data_ptr():
        array = tensor.detach().view(-1).numpy() if is_plain(tensor) else None
        view = views[id(w)] = _View(tensor, tensor.data_ptr(), array)
    return view.array


def _fits(parts: Parts, w: Tensor) -> bool:
    has_dim = not parts.group or -w.ndim <= parts.dim < w.ndim  # the eager way says what is wrong
    return has_dim and torch.get_num_threads() <= _FEW_THREADS


def is_plain(tensor: Tensor) -> bool:
    """Whether compiled loops can work on a tensor: one of a CPU, laid out without gaps."""
    return (
        is_installed()
        and type(tensor) in _PLAIN
        and tensor.device.type == "cpu"
        and tensor.dtype in _TYPES
        and tensor.is_contiguous()
    )


def _value(parts: Parts, shape: torch.Size, weights: Any) -> float:
    one, value = weights.dtype.type(1), 0.0
    if parts.l1 or parts.l2:
        absolute, square = compiled(loops.sums)(weights, one)
        value += parts.l1 * absolute + parts.l2 * square
    if parts.group:
        grouped = _grouped(weights, shape, parts.dim)
        value += _radius(parts, grouped) * compiled(loops.group_norms)(grouped, one)
    return value


def _soft_threshold(
    parts: Parts, shape: torch.Size, weights: Any, moments: Any, step: Step
) -> None:
    number, strength = weights.dtype.type, parts.l1 * step.numerator
    scale, eps = number(step.scale / strength), number(step.eps / strength)
    compiled(loops.soft_threshold)(weights, moments, scale, eps, step.root, number(1))


def _shrink_groups(parts: Parts, shape: torch.Size, weights: Any, moments: Any, step: Step) -> None:
    weights, moments = (_grouped(array, shape, parts.dim) for array in (weights, moments))
    radius = _radius(parts, weights)
    strength = radius * step.numerator
    inverse = step.scale / strength, step.eps / strength
    numbers = loops.Shrinking(*inverse, 1.0, parts.l1 / radius, *_limits(weights.dtype))
    as_array = np.array(numbers, weights.dtype)
    compiled(loops.shrink_groups)(weights, moments, step.root, as_array)


def _radius(parts: Parts, grouped: Any) -> float:
    return parts.group * math.sqrt(grouped.shape[0] * grouped.shape[2])


def _grouped(array: Any, shape: torch.Size, dim: int) -> Any:
    """Views a flat array as (a, groups, b), with b the longer one if the other can be 1."""
    kept = dim % len(shape)
    before, after = math.prod(shape[:kept]), math.prod(shape[kept + 1 :])
    whole = array.reshape(before, shape[kept], after)
    return whole.transpose(2, 1, 0) if after == 1 else whole


@cache
def _limits(dtype: Any) -> tuple[float, float]:
    """A number whose square is just finite, and when a quadratically converging method is done."""
    found = np.finfo(dtype)
    return float(found.max) ** 0.5, float(found.eps) ** 0.5
