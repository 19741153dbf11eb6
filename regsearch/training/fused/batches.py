"""A batch of each trial, put together along a new first dimension.

Trials at the same epoch see the same batch, which is then shared. Trials that entered a stack at
different times are at different epochs: each is given its own epoch's batch, so that it sees what
it would have seen alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from regsearch.training.fused.structures import tensors_in

Signature = Hashable
"""What two batches must have in common to be put together."""


def signature(batch: Any, *rows: int) -> Signature:
    """Returns a batch's structure: shapes and types of its tensors, other leaves by value.

    Args:
        batch: A batch.
        rows: A dimension to put in front of all shapes: that of a batch for each trial.
    """
    leaves, structure = tree_flatten(batch)
    return str(structure), tuple(_leaf(leaf, rows) for leaf in leaves)


def _leaf(leaf: Any, rows: tuple[int, ...]) -> Hashable:
    match leaf:
        case Tensor():
            return (*rows, *leaf.shape), leaf.dtype
        case np.ndarray():
            return leaf.shape, leaf.dtype.str, leaf.tobytes()
        case Hashable():
            return type(leaf), leaf
    return _Only(leaf)


class _Only:
    """Something that cannot be compared: it is as itself alone."""

    def __init__(self, leaf: object) -> None:
        self._leaf = leaf

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Only) and self._leaf is other._leaf

    def __hash__(self) -> int:
        return id(self._leaf)


def stacked(batches: Sequence[Any]) -> Any:
    """Stacks the tensors of batches of one signature, each of shape (K, ...) then."""
    flat = [tree_flatten(batch)[0] for batch in batches]
    structure = tree_flatten(batches[0])[1]
    columns = [
        torch.stack(column) if isinstance(column[0], Tensor) else column[0]
        for column in zip(*flat, strict=True)
    ]
    return tree_unflatten(columns, structure)


def repeated(batch: Any, count: int) -> Any:
    """Returns a batch that all trials share as `stacked` would give it, one of each."""
    return tree_map(
        lambda leaf: torch.stack([leaf] * count) if isinstance(leaf, Tensor) else leaf, batch
    )


def batch_dims(batch: Any, *, is_stacked: bool) -> Any:
    """Returns for `vmap` which leaves have a trial's dimension: all tensors, or nothing."""
    if not is_stacked:
        return None
    return tree_map(lambda leaf: 0 if isinstance(leaf, Tensor) else None, batch)


def are_equal(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether two lists of batches hold the same."""
    if len(some) != len(others):
        return False
    return all(_same(one, other) for one, other in zip(some, others, strict=True))


def _same(one: Any, other: Any) -> bool:
    if signature(one) != signature(other):
        return False
    pairs = zip(tensors_in(one), tensors_in(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def size_in_bytes(batches: Sequence[Any]) -> int:
    """Returns how much memory the tensors of batches take."""
    return sum(tensor.nbytes for tensor in tensors_in(list(batches)))
