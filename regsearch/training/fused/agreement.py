"""Whether two ways of computing have come to the same numbers, but for rounding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# How far rounding may take what a step gives, relative to its largest entry.
_TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-3}


def agree(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape are the same but for rounding; NaN is as NaN."""
    return all_agree([one], [other])


def all_agree(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether tensors of one kind are, each beside its like: what is small among them may be zero.

    The gradient of a bias before a normalization is all rounding.
    """
    largest = max((float(one.abs().max()) for one in some if one.numel()), default=0.0)
    return all(_close(one, other, largest) for one, other in zip(some, others, strict=True))


def _close(one: Tensor, other: Tensor, largest: float) -> bool:
    tolerance = _TOLERANCES.get(one.dtype, 1e-1)
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance * largest, equal_nan=True)
