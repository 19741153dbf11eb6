"""Penalties as a Lightning callback, for modules that anybody wrote.

The callback holds everything, because hooks of a user's module vanish when they are overridden
without `super()` and a callback's do not. All that a penalty needs of Lightning's training hooks
is here.

The gradient part goes into `on_before_optimizer_step`: after unscaling, once an optimizer step,
before clipping. The proximal part is a post hook of the optimizer itself, which fires only if the
step really happened (mixed precision skips some) and works in automatic and manual optimization.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from regsearch.applied import Applied
from regsearch.losses import LossMeans, batch_size, together
from regsearch.namespaces import LightningCallback, Trainer
from regsearch.penalties import Penalty
from regsearch.regularizer import Regularizer, as_regularizers, claims, regularization_table


class PenaltyHooks(LightningCallback):
    """Lightning's hooks, shared by PenaltyCallback and the callback of RegularizedMixin.

    The two are siblings, because Lightning lets a callback of a module's `configure_callbacks`
    replace those of the Trainer that have its type or a base of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._applied: Applied | None = None
        self._handles: dict[Optimizer, RemovableHandle] = {}
        self._prepared: set[Optimizer] = set()
        self._value: Tensor | float | None = None
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
            applied.warn()

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
            whole = loss.detach() * parts if parts > 1 else loss.detach()
            self._means.add(whole, self._value, batch_size(batch))

    def log_losses(self, trainer: Trainer, module: Any) -> None:
        """Logs the losses of an epoch: the first of several callbacks does it for all of them."""
        everyone = [one for one in trainer.callbacks if isinstance(one, PenaltyHooks)]
        if everyone[0] is self:
            reduce = functools.partial(trainer.strategy.reduce, reduce_op="sum")
            for name, value in together(one._means.means(reduce) for one in everyone).items():
                module.log(name, value, batch_size=1, sync_dist=True)

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
            # Before a checkpoint is loaded torch makes a sharded optimizer's state by such a step.
            if not any(float(group["lr"]) for group in optimizer.param_groups):
                return
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


class PenaltyCallback(PenaltyHooks):
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
        self.regularizers = at_least_one(regularizers)

    def regularizers_of(self, module: nn.Module) -> tuple[Regularizer, ...]:
        """Returns what this callback applies, whatever the module."""
        return self.regularizers

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.log_losses(trainer, pl_module)

    def table(self, module: nn.Module) -> str:
        """Returns each parameter of a module with its penalty, or why it has none."""
        return regularization_table(module, self.regularizers)


def at_least_one(regularizers: Iterable[Penalty | Regularizer]) -> tuple[Regularizer, ...]:
    """Turns penalties into regularizers; raises ValueError if there are none."""
    given = as_regularizers(regularizers)
    if not given:
        raise ValueError("At least one penalty is needed, such as L1(1e-3), but got none.")
    return given


def _penalty_callbacks(trainer: Trainer) -> list[PenaltyHooks]:
    return [callback for callback in trainer.callbacks if isinstance(callback, PenaltyHooks)]


def _all_regularizers(trainer: Trainer, module: nn.Module) -> list[Regularizer]:
    everyone = _penalty_callbacks(trainer)
    return [regularizer for one in everyone for regularizer in one.regularizers_of(module)]


def _gradient_scale(scaler: Any, optimizer: Optimizer) -> float:
    """What gradients are still multiplied by: fused optimizers unscale them in their own step."""
    unscales_itself = getattr(optimizer, "_step_supports_amp_scaling", False)
    return float(scaler.get_scale()) if scaler is not None and unscales_itself else 1.0
