"""A stack's passes over a batch: forward and backward to train, forward alone to validate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from regsearch.training.fused.steps import Result, Steps, Tensors

Grads = Mapping[str, Tensor | None]
"""By name, of shape (K, ...); None where the loss does not depend on a parameter."""

Pass = tuple[Result, Grads]


class Passes(Protocol):
    """What a stack runs for each batch; arguments are those of `Steps.train`.

    Attributes:
        refusals: Why a pass is not compiled that was to be, in words that go on after "because".
    """

    refusals: list[str]

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
        self._steps = steps
        self.refusals: list[str] = []

    def train(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        result = self._steps.train(tensors, batch, index, is_stacked=is_stacked)
        if result.loss is None:
            return result, {}
        trained = {name: tensor for name, tensor in tensors.items() if tensor.requires_grad}
        grads = torch.autograd.grad(result.loss.sum(), list(trained.values()), allow_unused=True)
        return result, dict(zip(trained, grads, strict=True))

    def validate(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Pass:
        return self._steps.validate(tensors, batch, index, is_stacked=is_stacked), {}
