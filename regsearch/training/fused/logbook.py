"""What modules log, kept for all trials of a stack at once, with Lightning's own rules.

`self.log` is met inside `vmap`, where a value is a trial's own without a way to look at it. What is
logged leaves the vmapped function as one of its results, one number a trial, and is added to
Lightning's result collection, which does not care that its numbers are vectors: so means over an
epoch, `on_step`, `on_epoch`, `reduce_fx` and the names that metrics have are Lightning's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pytorch_lightning.trainer.connectors.logger_connector.fx_validator import _FxValidator
from pytorch_lightning.trainer.connectors.logger_connector.result import _ResultCollection
from torch import Tensor
from torchmetrics import Metric

from regsearch.training.fused.refusal import NotFusableError

Value = Tensor | Metric


@dataclass(frozen=True)
class How:
    """The arguments of `self.log` that matter to a metric's value."""

    on_step: bool | None = None
    on_epoch: bool | None = None
    reduce_fx: str | Callable[[Any], Any] = "mean"
    batch_size: int | None = None
    add_dataloader_idx: bool = True


@dataclass
class Notes:
    """What one call of a step has logged: values to leave `vmap` with, the rest beside them.

    Attributes:
        takes_metrics: Whether metric objects may be logged: one trial's own, outside `vmap`.
        names: Names and ways.
        values: A value for each.
    """

    takes_metrics: bool = False
    names: list[tuple[str, How]] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    def log(self, name: str, value: Any, how: How) -> None:
        """Notes one value of one trial.

        Raises:
            NotFusableError: If it is a metric object and none are taken.
            ValueError: If it is a tensor with several elements.
        """
        is_metric = self.takes_metrics and isinstance(value, Metric)
        self.names.append((name, how))
        self.values.append(value if is_metric else _as_scalar(name, value))

    def taken(self) -> tuple[Value, ...]:
        """Returns the values, and forgets them: they die with the function that is vmapped."""
        values, self.values = tuple(self.values), []
        return values


def _as_scalar(name: str, value: Any) -> Tensor:
    if isinstance(value, bool | int | float):
        value = torch.tensor(float(value), dtype=torch.get_default_dtype())
    if not isinstance(value, Tensor):
        raise NotFusableError(f"it logs {name!r} as a {type(value).__name__}, not as a tensor")
    if value.numel() != 1:
        raise ValueError(
            f"What is logged must be one number, but {name!r} has {value.numel()} elements. "
            "Log its mean, or each element under a name of its own."
        )
    return value.detach().reshape(())


class Logbook:
    """The metrics of one loop, `training_step`'s or `validation_step`'s, over an epoch.

    Args:
        step: Name of the step.
    """

    def __init__(self, step: str) -> None:
        self._step = step
        self._results = _ResultCollection(training=step == "training_step")

    def add(self, notes: Notes, values: tuple[Value, ...], batch: Any) -> None:
        """Adds what a batch has logged.

        Args:
            notes: Names and ways.
            values: One a name: a tensor of shape (K,), or a trial's own number or metric.
            batch: One trial's batch, whose size weighs the values.
        """
        self._results.batch, self._results.batch_size = batch, None
        for (name, how), value in zip(notes.names, values, strict=True):
            on_step, on_epoch = _FxValidator.check_logging_and_get_default_levels(
                self._step, on_step=how.on_step, on_epoch=how.on_epoch
            )
            self._results.log(
                self._step,
                name,
                value,
                on_step=on_step,
                on_epoch=on_epoch,
                reduce_fx=how.reduce_fx,
                add_dataloader_idx=how.add_dataloader_idx,
                batch_size=how.batch_size,
            )
        self._results.batch = None

    def metrics(self, *, on_step: bool) -> Mapping[str, Tensor]:
        """Returns the metrics that a callback would see, shaped as what was added.

        Args:
            on_step: Those of the last batch; otherwise those of the epoch.
        """
        return self._results.metrics(on_step)["callback"]

    def clear(self) -> None:
        """Begins a new epoch."""
        self._results.reset()
