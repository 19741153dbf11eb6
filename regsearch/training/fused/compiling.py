"""Passes of full stacks, compiled: torch's Inductor makes one kernel of many small operations.

A graph is for one number of trials and one shape of batches. A long study nearly always trains full
stacks, as new trials take up the places of those that end, and an epoch has few shapes: a regular
one and the odd batch at its end. What is left, the last trials above all, is run as ever.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import torch

from regsearch.training.fused.attributes import Key
from regsearch.training.fused.batches import repeated, signature
from regsearch.training.fused.graphs import Graph, NoGraphError, check_same
from regsearch.training.fused.passes import Eager, Pass
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.steps import Steps, Tensors
from regsearch.training.surroundings import untouched_generators

SHAPES = 4  # tried at most: an epoch's regular batch and its last, to train and to validate
FIRST_CHECK = 16  # uses after which code is run beside its graph: a dry run times fewer
KINDS = 64  # of graphs that stay compiled in a process

_log = logging.getLogger(__name__)
_known: dict[str, Callable[..., Any]] = {}


class Compiled:
    """Compiled passes where there are any, eager ones elsewhere; equal but for rounding.

    Random numbers are others than those of eager passes, of the same distribution.

    Args:
        steps: The module's code.
        full: How many trials a full stack has.

    Attributes:
        refusals: Why a pass is not compiled, in words that go on after "since".
    """

    def __init__(self, steps: Steps, full: int) -> None:
        self.steps, self._full = steps, full
        self._eager = Eager(steps)
        self._graphs: dict[Hashable, Graph | None] = {}
        self._uses: Counter[Hashable] = Counter()
        self.refusals: list[str] = []

    def guard(self, key: Key) -> None:
        self.steps.guard(key)
        self._graphs.clear()  # the code that they were made of may read it for other batches

    def train(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        return self._pass(self._eager.train, tensors, batch, index, is_stacked)

    def validate(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        return self._pass(self._eager.validate, tensors, batch, index, is_stacked)

    def _pass(
        self, eager: Callable[..., Pass], tensors: Tensors, batch: Any, index: int, is_stacked: bool
    ) -> Pass:
        if len(next(iter(tensors.values()))) == self._full:
            rows = () if is_stacked else (self._full,)
            shape = eager.__name__, signature(batch, *rows)
            if shape not in self._graphs and len(self._graphs) < SHAPES:
                self._graphs[shape] = self._made(eager, tensors, batch, is_stacked)
            if (graph := self._graphs.get(shape)) is not None:
                self._uses[shape] += 1
                return _passed(graph, tensors, self._own(batch, is_stacked), self._uses[shape])
        return eager(tensors, batch, index, is_stacked=is_stacked)

    def _made(
        self, eager: Callable[..., Pass], tensors: Tensors, batch: Any, is_stacked: bool
    ) -> Graph | None:
        run = functools.partial(eager, is_stacked=True)
        try:
            with untouched_generators(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler's own, which nobody could heed
                own = self._own(batch, is_stacked)
                return _compiled(Graph(run, tensors, own, self.steps.clock), tensors, own)
        except Exception as error:
            self.refusals.append(_said(error))
            _log.debug("A pass is not compiled.", exc_info=error)
            return None

    def _own(self, batch: Any, is_stacked: bool) -> Any:
        return batch if is_stacked else repeated(batch, self._full)


def _passed(graph: Graph, tensors: Tensors, batch: Any, uses: int) -> Pass:
    """Returns a compiled pass; the 16th, 32nd, 64th time and so on, a module's code has to agree.

    Raises:
        NotFusableError: If it does something else by now.
    """
    if uses >= FIRST_CHECK and uses.bit_count() == 1:
        try:
            graph.compare(tensors, batch)
        except NoGraphError as error:
            raise NotFusableError(f"{error}, though not when it was compiled") from error
    return graph(tensors, batch)


def _compiled(graph: Graph, tensors: Tensors, batch: Any) -> Graph:
    """Has a graph's operations compiled, once they have been found to be what the code does."""
    expected = graph.compare(tensors, batch)
    graph.function = _function(graph.traced)
    found = graph(tensors, batch)
    if not graph.draws:
        check_same(found, expected)
    return graph


def _function(traced: Any) -> Callable[..., Any]:
    """Returns operations that are compiled when first run, once for all graphs of the kind."""
    if any(node.op == "get_attr" for node in traced.graph.nodes):  # a tensor of this module's
        return _compile(traced)
    if len(_known) >= KINDS:
        _known.clear()
    return _known.setdefault(traced.code, _compile(traced))


def _compile(traced: Any) -> Callable[..., Any]:
    # One process compiles, this one: others would be left behind, idle.
    options: dict[str, Any] = {"compile_threads": 1}
    made: Callable[..., Any] = torch.compile(traced, fullgraph=True, dynamic=False, options=options)
    return made


def _said(error: Exception) -> str:
    if isinstance(error, NoGraphError):
        return str(error)
    first = str(error).strip().partition("\n")[0]
    return f"it cannot be compiled: {type(error).__name__}: {first}"
