"""One trial of a stack: its own module, optimizer, schedulers and penalty, and what it reported.

The module is the trial's own, made by the Task; once the trial has joined a stack, its tensors are
views of its place there. So whatever looks at the module sees the trial as it is, and a torch
optimizer on its parameters would train just this place of the stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from regsearch.applied import Applied
from regsearch.namespaces import namespace_of
from regsearch.penalties import from_params
from regsearch.regularizer import Regularizer
from regsearch.training.fused.feed import Epoch, Feed
from regsearch.training.fused.logbook import Logbook
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.schedules import Schedules
from regsearch.training.fused.stand_in import TrainerFacts
from regsearch.training.fused.steps import Steps
from regsearch.training.reporting import (
    divergence,
    require_losses,
    require_metric,
    weight_metrics,
)
from regsearch.training.task import Task
from regsearch.trials import Outcome, Report, State, Trial


@dataclass(eq=False)
class Member:
    """A trial that is trained in a stack.

    Attributes:
        trial: The trial.
        module: Its own module.
        optimizer: Its module's optimizer: the stack reads its numbers.
        schedules: Its module's schedulers.
        regularizer: Its penalty.
        feed: Its batches.
        facts: What its module can know of a Trainer.
        epoch: The epoch it is in, from 0.
        logged: The module's metrics, as a callback would see them.
    """

    trial: Trial
    module: Any
    optimizer: Optimizer
    schedules: Schedules
    regularizer: Regularizer
    feed: Feed
    facts: TrainerFacts
    epoch: int = 0
    logged: dict[str, float] = field(default_factory=dict)
    _steps: Steps | None = None
    _book: Logbook | None = None
    _last: Report | None = None
    _state: State = "complete"
    _error: str = ""

    def batches(self) -> Epoch:
        """Returns the batches of the epoch it is in."""
        return self.feed.epoch(self.epoch)

    @property
    def steps(self) -> Steps:
        """The module's own steps, for this trial alone."""
        if self._steps is None:
            self._steps = Steps(self.module, None)
            self._steps.clock.epoch = self.epoch
        return self._steps

    def begin_epoch(self) -> None:
        """Tells the module which epoch it is in, should it ask."""
        self.facts.current_epoch = self.epoch
        if self._steps is not None:
            self._steps.clock.epoch = self.epoch

    def validate(self, batches: Sequence[Any]) -> None:
        """Runs the module's own validation over an epoch's batches, this trial's alone."""
        book = self._book = self._book or Logbook("validation_step")
        self.steps.clock.step = (self.epoch + 1) * self.feed.batches
        book.clear()
        for index, batch in enumerate(batches):
            own = dict([*self.module.named_parameters(), *self.module.named_buffers()])
            result = self.steps.validate(own, batch, index, is_stacked=False)
            for name, buffer in result.buffers.items():
                own[name].copy_(buffer)
            book.add(result.notes, result.values, batch)
        self.logged |= {name: float(value) for name, value in book.metrics(on_step=False).items()}

    def compose(self, monitor: str, losses: Mapping[str, float]) -> Report | None:
        """Returns what to report of the epoch that ends; None if it had no validation.

        Args:
            monitor: Name of the metric that is optimised.
            losses: `loss/data`, `loss/penalty` and `loss/total`; empty if there were none.

        Raises:
            ValueError: If losses or the monitored metric are missing.
        """
        if not self.batches().validation:
            return None
        require_losses(losses, self.epoch)
        metrics = self.logged | dict(losses)
        require_metric(monitor, metrics)
        weights, histograms = weight_metrics(self.module, self.regularizer.select)
        step = self._last.step + 1 if self._last else 0
        return Report(self.trial.number, step, metrics | weights, histograms)

    def heed(self, task: Task, report: Report, *, stop: bool) -> None:
        """Remembers what was reported, and whether the trial stops for it."""
        self._last = report
        self._error = divergence(task.monitor, report.metrics, self.epoch) or self._error
        is_last_epoch = self.epoch + 1 >= task.max_epochs
        if self._error or (stop and not is_last_epoch):
            self._state = "pruned"

    def end_epoch(self) -> None:
        """Steps the schedulers that watch what was logged, and goes on to the next epoch."""
        self.schedules.after_epoch(self.epoch, self.logged)
        self.epoch += 1

    def outcome(self, task: Task) -> Outcome:
        """Returns how the trial ended."""
        metrics = self._last.metrics if self._last else {}
        value = metrics.get(task.monitor)
        return Outcome(self.trial.number, self._state, value, metrics, self._error)

    def weights(self) -> dict[str, Tensor]:
        """Returns the module's state dict, apart from the stack."""
        state: Mapping[str, Tensor] = self.module.state_dict()
        return {name: tensor.clone() for name, tensor in state.items()}


def configured(
    module: Any, facts: TrainerFacts, device: torch.device
) -> tuple[Optimizer, Schedules]:
    """Has a module set itself up, and returns its optimizer and schedulers."""
    core = namespace_of(module)
    module.trainer = facts
    module.setup("fit")
    module.configure_model()
    module.to(device)
    given = module.configure_optimizers()
    if given is None:
        raise NotFusableError("configure_optimizers returns None")
    optimizers, schedulers, monitor = core.core.optimizer._configure_optimizers(given)
    if len(optimizers) != 1:
        raise NotFusableError(f"it has {len(optimizers)} optimizers")
    configs = core.core.optimizer._configure_schedulers_automatic_opt(schedulers, monitor)
    return optimizers[0], Schedules(configs)


def regularized(task: Task, module: Any, optimizer: Optimizer, trial: Trial) -> Regularizer:
    """Returns a trial's regularizer, once it has been resolved on the module and its optimizer.

    Raises:
        ValueError: If it selects nothing.
        TypeError: If the optimizer cannot be used with it.
    """
    regularizer = Regularizer(from_params(trial.params), task.select)
    regularizer.parameters(module)
    Applied(module, [regularizer], [optimizer]).warn()
    return regularizer
