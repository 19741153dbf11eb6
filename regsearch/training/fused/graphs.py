"""A pass as a graph: the operations on tensors that a module's code came to, without the code.

What the code does besides is not in the graph. So code that asks for what changes from one batch to
the next, but for tensors, has no graph, and a graph is compared with the code now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from regsearch.training.fused.agreement import rows_agree
from regsearch.training.fused.attributes import same
from regsearch.training.fused.passes import Pass
from regsearch.training.fused.stand_in import Clock
from regsearch.training.fused.steps import Result, Tensors
from regsearch.training.fused.structures import Structure, copied, others_in, tensors_in
from regsearch.training.generators import generator_states, restore_generators
from regsearch.training.surroundings import untouched_generators

Run = Callable[[Tensors, Any, Any], Pass]
"""A pass of tensors, a batch of each trial's own, and the batch's number."""


class NoGraphError(ValueError):
    """A pass that has no graph; says why, in words that go on after "since"."""


class Graph:
    """A pass over batches of one shape, for a fixed number of trials.

    Args:
        run: The pass.
        tensors: Parameters and buffers as they are now, of shape (K, ...).
        batch: A batch like those to come.
        clock: What time it is for the module.

    Attributes:
        traced: The operations, from the tensors that go in to those that come out.
        function: The same, compiled once somebody has done it.
        draws: Whether the pass was seen to draw random numbers when it was compared.

    Raises:
        NoGraphError: If the module does what a graph cannot do.
    """

    def __init__(self, run: Run, tensors: Tensors, batch: Any, clock: Clock) -> None:
        if odd := [leaf for leaf in others_in(batch) if not isinstance(leaf, _PLAIN)]:
            raise NoGraphError(f"a batch holds a {type(odd[0]).__name__}")
        self._run, self._names, self._batch = run, list(tensors), Structure(batch)
        self._trained = {name for name, tensor in tensors.items() if tensor.requires_grad}
        with _unasked(clock):
            ins = self._ins(copied(dict(tensors)), copied(batch))
            self.traced: Callable[..., Any] = make_fx(self._flat)(*ins)
        self.function: Callable[..., Any] = self.traced
        self.draws = False

    def __call__(self, tensors: Tensors, batch: Any) -> Pass:
        """Returns what the pass would give; its tensors have no autograd history."""
        return self._result(self.function, tensors, batch)

    def compare(self, tensors: Tensors, batch: Any) -> Pass:
        """Returns what the module's code gives now, on copies.

        Raises:
            NoGraphError: Unless the graph's operations give the same, from the same random state.
        """
        mine, given = copied(dict(tensors)), copied(batch)
        with untouched_generators():
            before = generator_states([])
            expected = self._run(mine, given, _Unread())
            after = generator_states([])
            if not _are_equal((mine, given), (dict(tensors), batch)):
                raise NoGraphError("a step writes into its parameters or its batch")
            restore_generators(before, [])
            found = self._result(self.traced, mine, given)
            if not same(after, generator_states([])):
                raise NoGraphError("a step seeds a generator, or draws from others than torch's")
        check_same(found, expected)
        self.draws = not same(before, after)
        return expected

    def _result(self, function: Callable[..., Any], tensors: Tensors, batch: Any) -> Pass:
        with torch.no_grad():
            outs = self._outs.filled(function(*self._ins(tensors, batch)))
        loss, values, buffers, grads = outs
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
        self._outs = Structure(outs)
        return [tensor.detach() for tensor in tensors_in(outs)]


def check_same(found: Pass, expected: Pass) -> None:
    """Raises NoGraphError unless two passes have given the same but for rounding."""
    (mine, grads), (theirs, their_grads) = found, expected
    kinds = [([one], [other]) for one, other in zip(_numbers(theirs), _numbers(mine), strict=False)]
    kinds.append((tensors_in(dict(their_grads)), tensors_in(dict(grads))))
    is_alike = _form(found) == _form(expected)
    if not is_alike or not all(rows_agree(one, other) for one, other in kinds):
        raise NoGraphError("as a graph, it gives something else")


def _numbers(result: Result) -> list[Tensor]:
    return tensors_in((result.loss, result.values, result.buffers))


def _form(given: Pass) -> object:
    """Returns the names of what was logged, and the shapes of what was given."""
    result, grads = given
    shapes = [tensor.shape for tensor in (*_numbers(result), *tensors_in(dict(grads)))]
    return [name for name, _ in result.notes.names], result.loss is None, shapes


def _are_equal(some: Any, others: Any) -> bool:
    pairs = zip(tensors_in(some), tensors_in(others), strict=True)
    return all(torch.equal(one.nan_to_num(), other.nan_to_num()) for one, other in pairs)


@contextmanager
def _unasked(clock: Clock) -> Iterator[None]:
    """Raises NoGraphError if what runs inside asks what time it is."""
    before, clock.was_read = clock.was_read, False
    try:
        yield
    finally:
        has_asked, clock.was_read = clock.was_read, clock.was_read or before
    if has_asked:
        raise NoGraphError("a step asks for the epoch or the step")


def _refuse(*_: object) -> NoReturn:
    raise NoGraphError("a step looks at the batch's number")


_PLAIN = (bool, int, float, str, bytes, type(None))  # what else may be in a batch, known by value
_LOOKS = {*vars(int), "__str__"} - {"__new__", "__doc__", "__getattribute__"}
_PARTS = {"real", "imag", "numerator", "denominator"}

# Stands for a batch's number: whatever is done with it, but for handing it on, is refused.
_Unread = type(
    "_Unread", (), {name: property(_refuse) if name in _PARTS else _refuse for name in _LOOKS}
)
