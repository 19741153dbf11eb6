"""Whether two ways of computing have come to the same numbers, but for rounding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# How far rounding may take what a step gives, relative to its largest entry.
_TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-3}


def agree(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape are the same but for rounding; NaN is as NaN."""
    return rows_agree([one.unsqueeze(0)], [other.unsqueeze(0)])


def rows_agree(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether tensors of several trials are the same but for rounding, each trial by itself.

    Args:
        some: Shape (K, ...) each, and numbers of one kind: what is small beside a trial's largest
            may be all rounding, as the gradient of a bias before a normalization is.
        others: As many, of the same shapes.
    """
    if not some:
        return True
    largest = torch.stack([_largest(tensor) for tensor in some]).amax(0)
    return all(_close(one, other, largest) for one, other in zip(some, others, strict=True))


def _largest(rows: Tensor) -> Tensor:
    """Returns the largest finite magnitude of each row, shape (K,)."""
    magnitudes = _wide(rows.detach()).abs().reshape(len(rows), -1)
    if not magnitudes.numel():
        return magnitudes.new_zeros(len(rows))
    return magnitudes.nan_to_num(0.0, 0.0, 0.0).amax(1)


def _close(some: Tensor, others: Tensor, largest: Tensor) -> bool:
    if not some.is_floating_point() and not some.is_complex():
        return torch.equal(some, others)
    tolerance = _TOLERANCES.get(some.dtype, 1e-1)
    one, other = _wide(some), _wide(others)
    room = tolerance * (largest.view(-1, *(1,) * (one.ndim - 1)) + one.abs())
    is_close = ((one - other).abs() <= room) | (one == other) | (one.isnan() & other.isnan())
    return bool(is_close.all())


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float64))
