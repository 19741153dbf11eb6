"""A pass as a graph: the operations on tensors that a module's code came to, without the code.

What the code does besides is not in the graph, so that code which asks for anything that changes
from one batch to the next, but for tensors, has no graph.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

from regsearch.training.fused.passes import Pass
from regsearch.training.fused.stand_in import Clock
from regsearch.training.fused.steps import Result, Tensors


class NoGraphError(ValueError):
    """A pass that has no graph; says why, in words that go on after "because"."""


class Mould:
    """What nested tensors stand in: a tuple, a dict, whatever else is in it.

    Args:
        thing: One such.
    """

    def __init__(self, thing: Any) -> None:
        self._leaves, self._structure = tree_flatten(thing)

    def filled(self, tensors: Iterable[Tensor]) -> Any:
        """Returns the like with other tensors."""
        given = iter(tensors)
        leaves = [next(given) if isinstance(leaf, Tensor) else leaf for leaf in self._leaves]
        return tree_unflatten(leaves, self._structure)


def tensors_in(thing: Any) -> list[Tensor]:
    """Returns the tensors that stand in something, in the order of its mould."""
    return [leaf for leaf in tree_flatten(thing)[0] if isinstance(leaf, Tensor)]


class Graph:
    """A pass over batches of one shape, for a fixed number of trials.

    Args:
        run: The pass, of tensors, a batch and its number.
        tensors: Parameters and buffers as they are now, of shape (K, ...).
        batch: A batch like those to come.
        clock: What time it is for the module.

    Attributes:
        function: The operations, from the tensors that go in to those that come out.

    Raises:
        NoGraphError: If the module asks for what a graph cannot know.
    """

    def __init__(
        self, run: Callable[[Tensors, Any, Any], Pass], tensors: Tensors, batch: Any, clock: Clock
    ) -> None:
        self._run, self._names, self._batch = run, list(tensors), Mould(batch)
        self._trained = {name for name, tensor in tensors.items() if tensor.requires_grad}
        with _asks_for_nothing(clock):
            self.function: Callable[..., Any] = make_fx(self._flat)(*self._ins(tensors, batch))

    def __call__(self, tensors: Tensors, batch: Any) -> Pass:
        """Returns what the pass would give; gradients are there, and nothing has a graph."""
        with torch.no_grad():
            found = self._outs.filled(self.function(*self._ins(tensors, batch)))
        loss, values, buffers, grads = found
        return Result(loss, self._notes, values, buffers), grads

    def _ins(self, tensors: Tensors, batch: Any) -> list[Tensor]:
        return [*(tensors[name].detach() for name in self._names), *tensors_in(batch)]

    def _flat(self, *given: Tensor) -> list[Tensor]:
        count = len(self._names)
        tensors = {
            name: tensor.detach().requires_grad_(name in self._trained)
            for name, tensor in zip(self._names, given[:count], strict=True)
        }
        result, grads = self._run(tensors, self._batch.filled(given[count:]), _Unread())
        self._notes = result.notes
        outs = (result.loss, result.values, result.buffers, dict(grads))
        self._outs = Mould(outs)
        return [tensor.detach() for tensor in tensors_in(outs)]


@contextmanager
def _asks_for_nothing(clock: Clock) -> Iterator[None]:
    """Raises NoGraphError if what runs inside looks at the time, or draws outside torch."""
    before, clock.was_read = clock.was_read, False
    drawn = _drawn()
    try:
        yield
    finally:
        has_asked, clock.was_read = clock.was_read, clock.was_read or before
    if has_asked:
        raise NoGraphError("a step asks for the epoch or the step")
    if drawn != _drawn():
        raise NoGraphError("a step draws numbers from Python's generator or NumPy's")


def _refuse(*_: object) -> NoReturn:
    raise NoGraphError("a step looks at the batch's number")


# Stands for a batch's number: whatever is done with it, but for handing it on, is refused.
_LOOKS = {*vars(int), "__str__"} - {"__new__", "__doc__", "__getattribute__"}
_Unread = type("_Unread", (), dict.fromkeys(_LOOKS, _refuse))


def _drawn() -> Hashable:
    """Returns where Python's generator and NumPy's stand."""
    _, keys, *rest = np.random.get_state()
    return random.getstate(), np.asarray(keys).tobytes(), *rest
