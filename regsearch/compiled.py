"""The inner loops worth compiling: soft-thresholding by coordinate, and a penalty's sums.

Under Adam a proximal step is a square root, a division and a clamp for each weight. In torch's
eager kernels that is six passes over memory; compiled by Numba it is one, at a third of the time
and less. Where Numba is not installed, or a tensor does not lie plainly in a CPU's memory, the
eager kernels of `regsearch.multi_tensor` do the same.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from regsearch.stepsizes import Step

_TYPES = (torch.float32, torch.float64)
# One compiled thread is as fast as about this many threads of eager kernels.
_FEW_THREADS = 4


@cache
def is_installed() -> bool:
    """Whether Numba is there to compile with."""
    return importlib.util.find_spec("numba") is not None


def can_take(*tensors: Tensor) -> bool:
    """Whether compiled loops can be used on these tensors: plain ones of one type, few threads."""
    return (
        all(t.device.type == "cpu" and t.dtype in _TYPES and t.is_contiguous() for t in tensors)
        and all(t.dtype == tensors[0].dtype for t in tensors)
        and torch.get_num_threads() <= _FEW_THREADS
        and is_installed()
    )


def sums(w: Tensor) -> tuple[float, float]:
    """Returns (Σ|w|, Σw²) of a tensor of any shape; see `can_take`."""
    found: tuple[float, float] = _compiled(_sums)(w.detach().view(-1).numpy())
    return found


def soft_threshold_(w: Tensor, lam: float, step: Step) -> None:
    """Soft-thresholds a weight in place by lam times the optimizer's step per coordinate.

    Args:
        w: Any shape; see `can_take`.
        lam: Strength, above 0.
        step: The step, with its moment shaped like `w`.
    """
    weights, moment = (t.detach().view(-1).numpy() for t in (w, step.moment))
    number = weights.dtype.type
    strength = lam * step.numerator
    scale, eps = number(step.scale / strength), number(step.eps / strength)
    _compiled(_soft_threshold)(weights, moment, scale, eps, number(1), step.root)


def _soft_threshold(weights: Any, moment: Any, scale: Any, eps: Any, one: Any, root: bool) -> None:
    for i in range(weights.size):
        size = math.sqrt(moment[i]) if root else moment[i]
        threshold = one / (size * scale + eps)
        weights[i] -= min(max(weights[i], -threshold), threshold)


def _sums(weights: Any) -> tuple[float, float]:
    absolute, square = 0.0, 0.0
    for w in weights:
        absolute += abs(w)
        square += w * w
    return absolute, square


@cache
def _compiled(loop: Callable[..., Any]) -> Any:
    """Compiles a loop, or loads it from where an earlier process has left it."""
    numba: Any = importlib.import_module("numba")
    # Sums may be reordered; NaN and infinity stay what they are.
    options = {"error_model": "numpy", "fastmath": {"contract", "arcp", "reassoc"}, "nogil": True}
    try:
        return numba.njit(loop, cache=True, **options)
    except RuntimeError:  # no folder to keep it in
        return numba.njit(loop, **options)
