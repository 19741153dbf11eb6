"""Penalties as a part of a module: a mixin that brings the penalty's callback along."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from regsearch.callback import PenaltyHooks, at_least_one
from regsearch.multi_tensor import added_up
from regsearch.namespaces import Trainer
from regsearch.penalties import Penalty
from regsearch.regularizer import Regularizer, claims, regularization_table


class _MixedInCallback(PenaltyHooks):
    """The callback that a RegularizedMixin brings along; it stays in the Trainer afterwards."""

    def regularizers_of(self, module: nn.Module) -> tuple[Regularizer, ...]:
        """Returns the module's own regularizers, also those that it was given during `setup`."""
        return module._regularizers if isinstance(module, RegularizedMixin) else ()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.log_losses(trainer, pl_module)


class RegularizedMixin:
    """Gives a LightningModule penalties of its own: `class Net(RegularizedMixin, LightningModule)`.

    Whatever hooks a subclass overrides, and whether it calls `super()` or not, its penalties are
    applied.
    """

    _regularizers: tuple[Regularizer, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared: Callable[[Any], Any] = getattr(cls, "configure_callbacks", lambda self: [])

        @functools.wraps(declared)
        def configure_callbacks(self: RegularizedMixin) -> list[Any]:
            return self._with_penalties(declared(self))

        cls.configure_callbacks = configure_callbacks  # type: ignore[attr-defined]

    def regularize(self, *regularizers: Penalty | Regularizer) -> Self:
        """Adds penalties and returns the module.

        Args:
            regularizers: Penalties (on all weights) or Regularizers, at least one.

        Raises:
            ValueError: If none is given, a parameter is claimed twice or a regularizer selects
                nothing; when fit starts, if the module's layers do not exist yet.
        """
        added = (*self._regularizers, *at_least_one(regularizers))
        parameters = list(self._module().parameters())
        if parameters and not any(is_lazy(parameter) for parameter in parameters):
            claims(self._module(), added)
        self._regularizers = added
        return self

    def penalty(self) -> Tensor:
        """Returns the sum of the module's penalties, a differentiable scalar; 0 without any."""
        values = [regularizer.value(self._module()) for regularizer in self._regularizers]
        return added_up(values) if values else torch.zeros(())

    def penalty_table(self) -> str:
        """Returns each parameter with its penalty, or why it has none."""
        return regularization_table(self._module(), self._regularizers)

    def _module(self) -> nn.Module:
        return cast(nn.Module, self)

    def _with_penalties(self, declared: Any) -> list[Any]:
        callbacks = list(declared) if isinstance(declared, Sequence) else [declared]
        if any(isinstance(callback, _MixedInCallback) for callback in callbacks):
            return callbacks
        return [callback for callback in callbacks if callback is not None] + [_MixedInCallback()]
