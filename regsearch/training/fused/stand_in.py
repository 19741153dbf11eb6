"""What a module sees in a fused step instead of a Trainer.

The module that lends its code to a stack has its class exchanged for a subclass, in which
`self.log` takes notes, the epoch is the stack's own, and all else that only a Trainer could answer
is refused by name. Nothing is answered wrongly, and nothing is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from torchmetrics import MetricCollection

from regsearch.training.fused.logbook import How, Notes
from regsearch.training.fused.refusal import NotFusableError

# Arguments of `self.log` that change where a metric is shown, or concern several processes.
_ELSEWHERE = frozenset(
    {"prog_bar", "logger", "enable_graph", "sync_dist", "sync_dist_group", "rank_zero_only"}
)


@dataclass
class Clock:
    """Where a stack stands, for modules that ask.

    Attributes:
        epoch: `current_epoch`.
        step: `global_step`.
        was_read: Whether a module has asked: then only trials at the same epoch share a stack.
    """

    epoch: int = 0
    step: int = 0
    was_read: bool = False


@dataclass
class TrainerFacts:
    """The Trainer for a module that configures itself: what is known of it, and no more."""

    max_epochs: int
    num_training_batches: int
    estimated_stepping_batches: int
    max_steps: int = -1
    accumulate_grad_batches: int = 1
    current_epoch: int = 0
    world_size: int = 1
    num_devices: int = 1
    num_nodes: int = 1
    is_global_zero: bool = True
    barebones: bool = False
    sanity_checking: bool = False
    loggers: tuple[Any, ...] = ()
    logger: None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotFusableError(f"it reads self.trainer.{name}")


class _Sight:
    """The members that `fused_class` puts in front of a LightningModule's own."""

    _notes: Notes
    _clock: Clock
    _trainer: Any

    @property
    def trainer(self) -> Any:
        if isinstance(self._trainer, TrainerFacts):
            return self._trainer
        raise NotFusableError("a step reads self.trainer")

    @trainer.setter
    def trainer(self, trainer: Any) -> None:
        raise NotFusableError("a step sets self.trainer")

    @property
    def current_epoch(self) -> int:
        self._clock.was_read = True
        return self._clock.epoch

    @property
    def global_step(self) -> int:
        self._clock.was_read = True
        return self._clock.step

    @property
    def logger(self) -> None:
        return None

    @property
    def loggers(self) -> list[Any]:
        return []

    def log(self, name: str, value: Any, *arguments: Any, **named: Any) -> None:
        self._notes.log(name, value, _how(arguments, named))

    def log_dict(self, dictionary: Mapping[str, Any], *arguments: Any, **named: Any) -> None:
        given = dictionary
        if isinstance(dictionary, MetricCollection):
            given = dict(dictionary.items(keep_base=False, copy_state=False))
        for name, value in given.items():
            self._notes.log(name, value, _how(arguments, named))

    def print(self, *arguments: Any, **named: Any) -> None:
        raise NotFusableError("a step calls self.print")

    def optimizers(self, use_pl_optimizer: bool = True) -> Any:
        raise NotFusableError("a step calls self.optimizers()")

    def lr_schedulers(self) -> Any:
        raise NotFusableError("a step calls self.lr_schedulers()")

    def manual_backward(self, *arguments: Any, **named: Any) -> None:
        raise NotFusableError("it optimizes manually")

    def all_gather(self, *arguments: Any, **named: Any) -> Any:
        raise NotFusableError("a step calls self.all_gather()")


# In the order of LightningModule.log.
_POSITIONS = ("prog_bar", "logger", "on_step", "on_epoch", "reduce_fx", "enable_graph")


def _how(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> How:
    given = dict(zip(_POSITIONS, arguments, strict=False)) | dict(named)
    unknown = sorted(given.keys() - _HOW - _ELSEWHERE)
    if unknown or len(arguments) > len(_POSITIONS):
        raise NotFusableError(f"a step calls self.log with {', '.join(unknown) or 'so much'}")
    return How(**{name: value for name, value in given.items() if name in _HOW})


_HOW = frozenset(field.name for field in fields(How))


def fused_class(kind: type) -> type:
    """Returns a LightningModule's class with what a step sees in a stack."""
    return type(kind.__name__, (_Sight, kind), {"__module__": kind.__module__})


@dataclass
class Sight:
    """Where a step's notes go and what time it is, for one module that lends its code."""

    module: Any
    takes_metrics: bool = False
    notes: Notes = field(default_factory=Notes)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.module.__class__ = fused_class(type(self.module))
        self.module.__dict__["_notes"] = self.notes
        self.module.__dict__["_clock"] = self.clock

    def fresh_notes(self) -> Notes:
        """Returns empty notes that the module's next step fills."""
        self.notes = self.module.__dict__["_notes"] = Notes(self.takes_metrics)
        return self.notes
