"""Passes of full stacks, compiled: torch's Inductor makes one kernel of many small operations.

A graph is for one number of trials and one shape of batches. A long study nearly always trains full
stacks, as new trials take up the places of those that end, and an epoch has few shapes: a regular
one and the odd batch at its end. What is left, the last trials above all, is run as ever.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Callable, Hashable
from typing import Any

import torch

from regsearch.training.fused.agreement import all_agree
from regsearch.training.fused.attributes import same
from regsearch.training.fused.batches import repeated, signature
from regsearch.training.fused.graphs import Graph, NoGraphError, tensors_in
from regsearch.training.fused.passes import Eager, Pass
from regsearch.training.fused.steps import Steps, Tensors
from regsearch.training.generators import generator_states
from regsearch.training.surroundings import untouched_generators

SHAPES = 4  # that are compiled: an epoch's regular batch and its last, to train and to validate

_log = logging.getLogger(__name__)
_known: dict[str, Callable[..., Any]] = {}


class Compiled:
    """Compiled passes where there are any, eager ones elsewhere; the same numbers but for rounding.

    Args:
        steps: The module's code.
        full: How many trials a full stack has.

    Attributes:
        refusals: Why a pass is not compiled, in words that go on after "because".
    """

    def __init__(self, steps: Steps, full: int) -> None:
        self._steps, self._full = steps, full
        self._eager = Eager(steps)
        self._graphs: dict[Hashable, Graph | None] = {}
        self.refusals: list[str] = []

    def train(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        return self._pass(self._eager.train, tensors, batch, index, is_stacked)

    def validate(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        return self._pass(self._eager.validate, tensors, batch, index, is_stacked)

    def _pass(
        self, usual: Callable[..., Pass], tensors: Tensors, batch: Any, index: int, own: bool
    ) -> Pass:
        if len(next(iter(tensors.values()))) == self._full:
            mine = batch if own else repeated(batch, self._full)
            shape = usual.__name__, signature(mine)
            if shape not in self._graphs and len(self._graphs) < SHAPES:
                self._graphs[shape] = self._made(usual, tensors, mine)
            if (graph := self._graphs.get(shape)) is not None:
                return graph(tensors, mine)
        return usual(tensors, batch, index, is_stacked=own)

    def _made(self, usual: Callable[..., Pass], tensors: Tensors, batch: Any) -> Graph | None:
        run = functools.partial(usual, is_stacked=True)
        try:
            with untouched_generators(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler's own, which nobody could heed
                graph = Graph(run, tensors, batch, self._steps.clock)
                graph.function = _compiled(graph.function)
                _check(graph(tensors, batch), functools.partial(run, tensors, batch, 0))
        except Exception as error:
            self.refusals.append(_said(error))
            _log.debug("A pass is not compiled.", exc_info=error)
            return None
        return graph


def _compiled(function: Any) -> Callable[..., Any]:
    """Returns a graph's operations, compiled when first run, once for all stacks of the kind."""
    if any(node.op == "get_attr" for node in function.graph.nodes):  # a tensor of this module's
        return _compile(function)
    return _known.setdefault(function.code, _compile(function))


def _compile(function: Any) -> Callable[..., Any]:
    # One process compiles, this one: others would be left behind, idle.
    options: dict[str, Any] = {"compile_threads": 1}
    made: Callable[..., Any] = torch.compile(
        function, fullgraph=True, dynamic=False, options=options
    )
    return made


def _check(found: Pass, usual: Callable[[], Pass]) -> None:
    """Raises NoGraphError unless a graph gives what the module's code does, if it draws nothing."""
    before = generator_states([])
    expected = usual()
    if not same(before, generator_states([])):
        return
    for mine, theirs in zip(_kinds(found), _kinds(expected), strict=True):
        if not all_agree(tensors_in(theirs), tensors_in(mine)):
            raise NoGraphError("compiled, it gives something else")


def _kinds(given: Pass) -> tuple[object, ...]:
    result, grads = given
    return result.loss, result.values, result.buffers, dict(grads)


def _said(error: Exception) -> str:
    if isinstance(error, NoGraphError):
        return str(error)
    first = str(error).strip().partition("\n")[0]
    return f"it cannot be compiled: {type(error).__name__}: {first}"
