"""A stack's passes over a batch: forward and backward to train, forward alone to validate."""

from __future__ import annotations

from typing import Any, Protocol

import torch

from regsearch.training.fused.attributes import Key
from regsearch.training.fused.steps import Result, Steps, Tensors
from regsearch.training.fused.tensors import Grads

Pass = tuple[Result, Grads]


class Passes(Protocol):
    """What a stack runs for each batch; arguments are those of `Steps.train`.

    Attributes:
        steps: The module's code.
        refusals: Why a pass is not compiled that was to be, in words that go on after "since".
    """

    steps: Steps
    refusals: list[str]

    def guard(self, key: Key) -> None:
        """Makes reading an attribute an error: the trials have different ones."""
        ...

    def train(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        """Runs `training_step` and the backward pass; no gradients if there is no loss."""
        ...

    def validate(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        """Runs `validation_step`; there are no gradients."""
        ...


class Eager:
    """Passes as torch runs them, operation by operation.

    Args:
        steps: The module's code.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.refusals: list[str] = []

    def guard(self, key: Key) -> None:
        self.steps.guard(key)

    def train(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        result = self.steps.train(tensors, batch, index, is_stacked=is_stacked)
        if result.loss is None:
            return result, {}
        trained = {name: tensor for name, tensor in tensors.items() if tensor.requires_grad}
        grads = torch.autograd.grad(result.loss.sum(), list(trained.values()), allow_unused=True)
        return result, dict(zip(trained, grads, strict=True))

    def validate(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        return self.steps.validate(tensors, batch, index, is_stacked=is_stacked), {}
