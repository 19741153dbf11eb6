"""One training or validation step of a whole stack: a module's own code under `vmap`.

The module lends its code, the stack its tensors of shape (K, ...): inside `vmap` the module sees
one trial's. What a step logs and the buffers that it changes leave `vmap` as results, since nothing
else may.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torchmetrics import Metric, MetricCollection

from regsearch.training.fused.attributes import Key, guard
from regsearch.training.fused.batches import batch_dims
from regsearch.training.fused.logbook import Notes, Value
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.stand_in import Clock, Sight
from regsearch.training.fused.tensors import exchanged, slots

Tensors = Mapping[str, Tensor]


class Result(NamedTuple):
    """What a step gives.

    Attributes:
        loss: Shape (K,), with a graph; None if the module gave none.
        notes: What was logged, by name.
        values: A tensor of shape (K,) for each; alone, a number or a metric.
        buffers: The buffers after the step, shape (K, ...) each.
    """

    loss: Tensor | None
    notes: Notes
    values: tuple[Value, ...]
    buffers: dict[str, Tensor]


class Steps:
    """The steps of one module's code.

    Args:
        module: Lends its code, and is of no use otherwise; its own tensors stay as they are.
        randomness: Whether each trial draws numbers of its own, or all the same. None is for one
            trial alone, with tensors that have no first dimension for trials.
    """

    def __init__(
        self, module: Any, randomness: Literal["different", "same"] | None = "different"
    ) -> None:
        self._randomness = randomness
        self._sight = Sight(module, takes_metrics=randomness is None)
        if randomness is not None:
            _refuse_metrics(module)
            module._trainer = None
        self._module = module
        self._slots = slots(module)
        self._buffers = [name for name, _ in module.named_buffers()]
        self._modes = [(part, part.training) for part in module.modules()]
        self._takes_index = {
            step: _takes_index(getattr(module, step))
            for step in ("training_step", "validation_step")
        }

    @property
    def clock(self) -> Clock:
        """What time it is for the module."""
        return self._sight.clock

    def guard(self, key: Key) -> None:
        """Makes reading an attribute an error: the trials have different ones."""
        guard(self._module, key)

    def train(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Result:
        """Runs `training_step` for all trials.

        Args:
            tensors: Parameters and buffers, of shape (K, ...).
            batch: One for all trials, or one a trial along the first dimension.
            index: The batch's number in its epoch.
            is_stacked: Whether each trial has its own.
        """
        self._set_modes(validating=False)
        return self._run("training_step", tensors, batch, index, is_stacked)

    def validate(self, tensors: Tensors, batch: Any, index: int, *, is_stacked: bool) -> Result:
        """Runs `validation_step` for all trials; arguments as `train`."""
        self._set_modes(validating=True)
        with torch.no_grad():
            return self._run("validation_step", tensors, batch, index, is_stacked)

    def alone(self, step: str, batch: Any, index: int) -> Result:
        """Runs a step of the module on its own tensors, which it may change as it likes."""
        self._set_modes(validating=step == "validation_step")
        notes = self._sight.fresh_notes()
        output = self._call(step, batch, index)
        loss = _loss_of(output) if step == "training_step" else None
        return Result(loss, notes, notes.taken(), {})

    def _set_modes(self, *, validating: bool) -> None:
        """Switches to evaluation and back to the modes that the parts came with."""
        for part, mode in self._modes:
            part.training = mode and not validating

    def _run(self, step: str, tensors: Tensors, batch: Any, index: int, is_stacked: bool) -> Result:
        notes = self._sight.fresh_notes()
        has_loss = False

        def one(mine: Tensors, given: Any) -> tuple[Tensor, tuple[Value, ...], dict[str, Tensor]]:
            nonlocal has_loss
            fresh = {**mine, **{name: mine[name].clone() for name in self._buffers}}
            with exchanged(self._slots, fresh) as left:
                output = self._call(step, given, index)
            loss = _loss_of(output) if step == "training_step" else None
            has_loss = loss is not None
            buffers = {name: left[name] for name in self._buffers}
            return (torch.zeros(()) if loss is None else loss), notes.taken(), buffers

        loss, values, buffers = self._for_all(one, tensors, batch, is_stacked)
        return Result(loss if has_loss else None, notes, values, buffers)

    def _for_all(self, one: Callable[..., Any], tensors: Tensors, batch: Any, own: bool) -> Any:
        if self._randomness is None:
            return one(tensors, batch)
        dims = (0, batch_dims(batch, is_stacked=own))
        with sdpa_kernel(SDPBackend.MATH):  # the only way of attention that `vmap` has a rule for
            return vmap(one, in_dims=dims, randomness=self._randomness)(tensors, batch)

    def _call(self, step: str, batch: Any, index: int) -> Any:
        method = getattr(self._module, step)
        return method(batch, index) if self._takes_index[step] else method(batch)


def _loss_of(output: Any) -> Tensor | None:
    loss = output.get("loss") if isinstance(output, Mapping) else output
    if loss is not None and not isinstance(loss, Tensor):
        raise TypeError(
            "training_step must return a tensor, a dict with the key 'loss', or None, "
            f"but got {output!r}."
        )
    if loss is not None and loss.numel() != 1:
        raise ValueError(
            f"training_step must return one number, but its loss has shape {tuple(loss.shape)}."
        )
    return None if loss is None else loss.reshape(())


def _refuse_metrics(module: nn.Module) -> None:
    """Has metric objects say that they cannot be used in a step of several trials."""
    for name, part in module.named_modules():
        if isinstance(part, Metric | MetricCollection):
            vars(part).update(dict.fromkeys(("forward", "update"), _refusing(name)))


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(*arguments: Any, **named: Any) -> Any:
        raise NotFusableError(f"a step uses the metric {name}")

    return refuse


def _takes_index(method: Callable[..., Any]) -> bool:
    names = list(inspect.signature(method).parameters)
    if "dataloader_iter" in names:
        raise NotFusableError("a step takes the loader's iterator itself")
    return "batch_idx" in names or len(names) >= 2
