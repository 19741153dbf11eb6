"""What a study trains: a module without penalties, its data, and the metric that decides."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from torch import nn

from regsearch.selection import Selector, weights

# What the Trainer gets from the Task's own fields, and what the search needs for itself.
_RESERVED = {"max_epochs": "Task.max_epochs", "devices": "Task.devices_per_trial"}


@dataclass(frozen=True)
class Task:
    """A training task, the same for every trial of a study but for its penalty and extras.

    Args:
        module: Takes a trial's params (`penalty`, `lam`, ... and the extras) and returns a new
            LightningModule without penalties.
        data: Returns a new LightningDataModule, or a pair (training loader, validation loader).
        max_epochs: Epochs of a trial that is not stopped.
        monitor: Name of the logged validation metric that is optimised, free of the penalty:
            penalised losses cannot be compared between strengths.
        direction: "minimize" or "maximize" the monitor.
        select: The parameters that penalties fall on.
        trainer: Further arguments of each trial's Trainer, such as `precision` or `callbacks`;
            callbacks are copied for each trial.
        devices_per_trial: How many devices train one trial together.

    `module` and `data` are functions of a module's top level, so that worker processes find them.

    Raises:
        ValueError: If a number or name cannot be used.
        TypeError: If `module`, `data` or `select` is not callable.
    """

    module: Callable[[Mapping[str, Any]], Any]
    data: Callable[[], Any]
    max_epochs: int = field(kw_only=True)
    monitor: str = field(default="val_loss", kw_only=True)
    direction: Literal["minimize", "maximize"] = field(default="minimize", kw_only=True)
    select: Selector = field(default=weights, kw_only=True)
    trainer: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    devices_per_trial: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("module", "data", "select"):
            given = getattr(self, name)
            if not callable(given) or isinstance(given, nn.Module):
                raise TypeError(f"Task.{name} must be a function, but got {given!r}.")
        for name in ("max_epochs", "devices_per_trial"):
            _check_count(name, getattr(self, name))
        if self.direction not in ("minimize", "maximize"):
            raise ValueError(
                f"Task.direction must be 'minimize' or 'maximize', but got {self.direction!r}."
            )
        if not self.monitor or not isinstance(self.monitor, str):
            raise ValueError(f"Task.monitor must name a logged metric, but got {self.monitor!r}.")
        if not isinstance(self.trainer, Mapping):
            raise TypeError(f"Task.trainer must map names to values, but got {self.trainer!r}.")
        for name in self.trainer.keys() & _RESERVED.keys():
            raise ValueError(f"Task.trainer must not hold {name!r}: give it as {_RESERVED[name]}.")

    def check_picklable(self) -> None:
        """Raises TypeError, naming the attribute, if workers could not be sent this task."""
        for attribute in fields(self):
            try:
                pickle.dumps(getattr(self, attribute.name))
            except Exception as error:  # a user's __reduce__ may raise anything
                raise TypeError(
                    f"A Task must pickle, but its {attribute.name!r} does not: {error}. Define "
                    "functions at the top level of a module, not as lambdas or inside others."
                ) from error


def _check_count(name: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"Task.{name} must be a whole number, but got {count!r}.")
    if count < 1:
        raise ValueError(f"Task.{name} must be at least 1, but got {count}.")
