"""Nested tuples, lists and dicts of tensors, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten


class Structure:
    """What nested tensors stand in, with whatever else stands there; it holds no tensor.

    Args:
        thing: One such.
    """

    def __init__(self, thing: Any) -> None:
        leaves, self._spec = tree_flatten(thing)
        self._leaves = [_Place() if isinstance(leaf, Tensor) else leaf for leaf in leaves]

    def filled(self, tensors: Iterable[Tensor]) -> Any:
        """Returns the like with other tensors."""
        given = iter(tensors)
        leaves = [next(given) if isinstance(leaf, _Place) else leaf for leaf in self._leaves]
        return tree_unflatten(leaves, self._spec)


class _Place:
    """Where a tensor stands."""


def tensors_in(thing: Any) -> list[Tensor]:
    """Returns the tensors that stand in something, in the order of its structure."""
    return [leaf for leaf in tree_flatten(thing)[0] if isinstance(leaf, Tensor)]


def others_in(thing: Any) -> list[Any]:
    """Returns what stands in something beside tensors."""
    return [leaf for leaf in tree_flatten(thing)[0] if not isinstance(leaf, Tensor)]


def copied(thing: Any) -> Any:
    """Returns the like with copies of its tensors, of which as many want gradients."""
    return tree_map(lambda leaf: _copied(leaf) if isinstance(leaf, Tensor) else leaf, thing)


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)
