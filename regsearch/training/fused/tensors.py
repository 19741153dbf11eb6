"""The tensors of a module by name, and exchanging them for others while a step runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

Grads = Mapping[str, Tensor | None]
"""Gradients by name, of shape (K, ...); None where the loss does not depend on a parameter."""


class Slot(NamedTuple):
    """A place in a module where a tensor stands: a parameter or a buffer, under one of its names.

    Attributes:
        name: The qualified name that stands for all names of the same tensor.
        holder: The owner's dictionary of parameters or buffers.
        key: The tensor's name in it.
    """

    name: str
    holder: dict[str, Any]
    key: str


def slots(module: nn.Module) -> list[Slot]:
    """Returns all places of a module's parameters and buffers; one tensor may have several."""
    first: dict[int, str] = {}
    found = []
    for prefix, owner in module.named_modules(remove_duplicate=False):
        for holder in (owner._parameters, owner._buffers):
            for key, tensor in holder.items():
                if tensor is not None:
                    name = f"{prefix}.{key}" if prefix else key
                    found.append(Slot(first.setdefault(id(tensor), name), holder, key))
    return found


@contextmanager
def exchanged(places: list[Slot], tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Has a module use other tensors inside, its own again afterwards.

    Args:
        places: The module's slots.
        tensors: One a name.

    Yields:
        A dictionary that holds, after the block, what then stood in the slots: buffers may have
        been replaced.
    """
    own = [slot.holder[slot.key] for slot in places]
    left: dict[str, Tensor] = {}
    try:
        for name, holder, key in places:
            holder[key] = tensors[name]
        yield left
        left.update((name, holder[key]) for name, holder, key in places)
    finally:
        for slot, tensor in zip(places, own, strict=True):
            slot.holder[slot.key] = tensor
