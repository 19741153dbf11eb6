"""Penalties in Lightning: a callback for any module, and a mixin that brings the callback along.

The callback holds everything, because hooks of a user's module vanish when they are overridden
without `super()` and a callback's do not. It works in both of Lightning's namespaces,
`pytorch_lightning` and `lightning.pytorch`, whose base classes differ: it derives from those that
are installed. This is the only file of the package that knows Lightning's training hooks.

The gradient part goes into `on_before_optimizer_step`: after unscaling, once an optimizer step,
before clipping. The proximal part is a post hook of the optimizer itself, which fires only if the
step really happened (mixed precision skips some) and works in automatic and manual optimization.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from regsearch.applied import Applied
from regsearch.losses import LossMeans, batch_size, together
from regsearch.penalties import Penalty
from regsearch.regularizer import Regularizer, as_regularizers, claims, regularization_table

Trainer = Any
"""A Trainer of either namespace."""


def _packages() -> list[Any]:
    found = []
    for name in ("pytorch_lightning", "lightning.pytorch"):
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(name))
    if not found:
        raise ImportError("regsearch needs Lightning: pip install pytorch-lightning")
    return found


if TYPE_CHECKING:
    import pytorch_lightning

    LightningCallback = pytorch_lightning.Callback
else:
    _bases = tuple(package.Callback for package in _packages())
    LightningCallback = type("LightningCallback", _bases, {})


def namespace_of(module: Any) -> Any:
    """Returns the Lightning package, `pytorch_lightning` or `lightning.pytorch`, of a module.

    Raises:
        TypeError: If it is no LightningModule.
    """
    for package in _packages():
        if isinstance(module, package.LightningModule):
            return package
    raise TypeError(f"A LightningModule is needed, but got {type(module).__name__}.")


class _PenaltyHooks(LightningCallback):
    """What PenaltyCallback and the mixin's callback share: Lightning's hooks.

    The two are siblings, because Lightning lets a callback of a module's `configure_callbacks`
    replace those of the Trainer that have its type or a base of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._applied: Applied | None = None
        self._handles: dict[Optimizer, RemovableHandle] = {}
        self._prepared: set[Optimizer] = set()
        self._value: Tensor | None = None
        self._means = LossMeans()
        self._is_new_epoch = True
        self._is_stale = True

    def regularizers_of(self, module: nn.Module) -> tuple[Regularizer, ...]:
        """Returns what this callback applies to a module."""
        raise NotImplementedError

    def losses(self) -> dict[str, float]:
        """Returns this epoch's `loss/data`, `loss/penalty` and `loss/total` so far."""
        return self._means.means()

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._detach()
        self._means, self._is_new_epoch = LossMeans(), True
        claims(pl_module, _all_regularizers(trainer, pl_module))
        if applied := self._attach(trainer, pl_module):
            applied.warn_of_unreached()
            applied.warn_of_double_penalties()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._means, self._is_new_epoch = LossMeans(), True

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._is_new_epoch:  # only now have all hooks thawed layers and swapped optimizers
            self._attach(trainer, pl_module)
            self._is_new_epoch = False
        if self._is_stale and self._applied is not None:
            self._value, self._is_stale = self._applied.value(), False

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: Any, optimizer: Optimizer
    ) -> None:
        if self._applied is None:
            return
        if not self._applied.knows(optimizer):
            self._attach(trainer, pl_module)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        scale = _gradient_scale(scaler, optimizer)
        self._applied.before_step(optimizer, scale, skips_overflows=scaler is not None)
        self._prepared.add(optimizer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1 and self._value is not None:
            parts = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._means.add(loss * parts, self._value, batch_size(batch))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        everyone = _penalty_callbacks(trainer)
        if everyone[0] is self:  # logged once, with the penalties of all
            reduce = functools.partial(trainer.strategy.reduce, reduce_op="sum")
            for name, value in together(one._means.means(reduce) for one in everyone).items():
                pl_module.log(name, value, batch_size=1, sync_dist=True)

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        self._detach()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        self._detach()

    def _attach(self, trainer: Trainer, module: nn.Module) -> Applied | None:
        """Resolves the regularizers on the module and optimizers as they are now."""
        regularizers = self.regularizers_of(module)
        self._applied = Applied(module, regularizers, trainer.optimizers) if regularizers else None
        self._is_stale = True
        for optimizer in trainer.optimizers:
            if self._applied is not None and optimizer not in self._handles:
                handle = optimizer.register_step_post_hook(self._after_step)
                self._handles[optimizer] = handle
        return self._applied

    def _detach(self) -> None:
        for handle in self._handles.values():
            handle.remove()
        self._handles, self._prepared = {}, set()
        self._applied, self._value = None, None

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._applied is None:
            return
        if optimizer not in self._prepared:
            raise RuntimeError(
                f"{type(optimizer).__name__} was stepped without Lightning, so the penalty's "
                "gradient is missing. Step what self.optimizers() returns, without "
                "use_pl_optimizer=False."
            )
        self._prepared.discard(optimizer)
        # A fused optimizer skips an overflowed step inside its own `step`, which sets this flag.
        if not getattr(optimizer, "found_inf", False):
            self._applied.after_step(optimizer)
            self._is_stale = True


class PenaltyCallback(_PenaltyHooks):
    """Adds penalties to any LightningModule: `Trainer(callbacks=[PenaltyCallback(L1(1e-3))])`.

    Logs `loss/data`, `loss/penalty` and `loss/total`, the epoch's means weighted by samples, if
    training steps return their loss, in manual optimization too. Penalty gradients take part in
    gradient clipping; proximal steps do not.

    Args:
        regularizers: Penalties (on all weights) or Regularizers, at least one.

    Raises:
        ValueError: If none is given; when fit starts, if a parameter is claimed twice or a
            regularizer selects nothing.
        TypeError: When fit starts, if an optimizer cannot be used.
    """

    def __init__(self, *regularizers: Penalty | Regularizer) -> None:
        super().__init__()
        self.regularizers = _at_least_one(regularizers)

    def regularizers_of(self, module: nn.Module) -> tuple[Regularizer, ...]:
        """Returns what this callback applies, whatever the module."""
        return self.regularizers

    def table(self, module: nn.Module) -> str:
        """Returns each parameter of a module with its penalty, or why it has none."""
        return regularization_table(module, self.regularizers)


class _MixedInCallback(_PenaltyHooks):
    """The callback that a RegularizedMixin brings along; it stays in the Trainer afterwards."""

    def regularizers_of(self, module: nn.Module) -> tuple[Regularizer, ...]:
        """Returns the module's own regularizers, also those that it was given during `setup`."""
        return module._regularizers if isinstance(module, RegularizedMixin) else ()


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
        added = (*self._regularizers, *_at_least_one(regularizers))
        parameters = list(self._module().parameters())
        if parameters and not any(is_lazy(parameter) for parameter in parameters):
            claims(self._module(), added)
        self._regularizers = added
        return self

    def penalty(self) -> Tensor:
        """Returns the sum of the module's penalties, a differentiable scalar; 0 without any."""
        values = [regularizer.value(self._module()) for regularizer in self._regularizers]
        return torch.stack([v.to(values[0]) for v in values]).sum() if values else torch.zeros(())

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


def _at_least_one(regularizers: Iterable[Penalty | Regularizer]) -> tuple[Regularizer, ...]:
    given = as_regularizers(regularizers)
    if not given:
        raise ValueError("At least one penalty is needed, such as L1(1e-3), but got none.")
    return given


def _penalty_callbacks(trainer: Trainer) -> list[_PenaltyHooks]:
    return [callback for callback in trainer.callbacks if isinstance(callback, _PenaltyHooks)]


def _all_regularizers(trainer: Trainer, module: nn.Module) -> list[Regularizer]:
    everyone = _penalty_callbacks(trainer)
    return [regularizer for one in everyone for regularizer in one.regularizers_of(module)]


def _gradient_scale(scaler: Any, optimizer: Optimizer) -> float:
    """What gradients are still multiplied by: fused optimizers unscale them in their own step."""
    unscales_itself = getattr(optimizer, "_step_supports_amp_scaling", False)
    return float(scaler.get_scale()) if scaler is not None and unscales_itself else 1.0
