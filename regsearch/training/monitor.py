"""A trial's voice: a Lightning callback that reports after each validation epoch.

It collects what the module logged, the losses and what the penalised weights look like, sends one
`Report` and stops the Trainer if told to, or if a loss is no longer finite. A resumed trial sends
its checkpoint's report again: the process may have died before anybody heard of it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from regsearch.callback import PenaltyHooks
from regsearch.namespaces import Trainer
from regsearch.regularizer import Regularizer
from regsearch.training.ranks import mean_over_ranks
from regsearch.training.reporting import (
    divergence,
    require_losses,
    require_metric,
    weight_metrics,
)
from regsearch.training.surroundings import untouched_generators
from regsearch.trials import Histogram, OnReport, Outcome, Report, State


class Monitor(PenaltyHooks):
    """Penalises one trial and reports on it: in one callback, since Lightning's calls add up.

    Args:
        trial: The trial's number.
        metric: Name of the metric that is optimised.
        regularizer: The trial's penalty.
        on_report: Takes each report; True stops the trial.
        sends: Whether an epoch's report is sent by itself; otherwise somebody calls `send`.
    """

    # Lightning passes over what cannot be called: what nothing is done in costs nothing a batch.
    on_before_zero_grad = on_before_backward = on_after_backward = None  # type: ignore[assignment]
    on_validation_batch_start = on_validation_batch_end = None  # type: ignore[assignment]

    def __init__(
        self,
        trial: int,
        metric: str,
        regularizer: Regularizer,
        on_report: OnReport,
        *,
        sends: bool = True,
    ) -> None:
        super().__init__()
        self._trial = trial
        self._metric = metric
        self._regularizer = regularizer
        self._on_report = on_report
        self._sends = sends
        self._last: Report | None = None
        self._is_unsent = False
        self._is_final = False
        self._state: State = "complete"
        self._error = ""
        self._is_due = False

    def outcome(self) -> Outcome:
        """Returns how the trial ended, once `fit` has returned."""
        metrics = self._last.metrics if self._last else {}
        return Outcome(self._trial, self._state, metrics.get(self._metric), metrics, self._error)

    @property
    def step(self) -> int | None:
        """The last report's step, sent or not; None before the first."""
        return self._last.step if self._last else None

    def state_dict(self) -> dict[str, Any]:
        """Returns the last report, sent or not: what a checkpoint keeps, in plain values."""
        return {**asdict(self._last), "is_final": self._is_final} if self._last else {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on counting where a checkpoint stood; its report may not have come through."""
        histograms = {n: Histogram(**h) for n, h in state_dict["histograms"].items()}
        self._last = Report(self._trial, state_dict["step"], state_dict["metrics"], histograms)
        self._is_unsent, self._is_final = True, state_dict["is_final"]

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.send(trainer)  # what a checkpoint held; all ranks have loaded it

    def on_fit_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.send(trainer)  # of a checkpoint after which there was nothing left to train

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.sanity_checking:
            return
        # What the training step logs has its epoch's mean only after the epoch's last hooks.
        self._is_due = bool(trainer.is_last_batch)
        if not self._is_due:
            self._compose(trainer, pl_module)
            self.send(trainer)

    def regularizers_of(self, module: nn.Module) -> tuple[Regularizer, ...]:
        """Returns the trial's regularizer, whatever the module."""
        return (self._regularizer,)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.loggers or len(trainer.callbacks) > 1:  # somebody else may want to know
            self.log_losses(trainer, pl_module)
        if self._is_due:
            self._is_due = False
            self._compose(trainer, pl_module)
            if self._sends:
                self.send(trainer)

    def send(self, trainer: Trainer) -> None:
        """Sends the report that waits, if one does, and stops the trial if it must."""
        if not self._is_unsent:
            return
        assert self._last is not None
        self._is_unsent = False
        with untouched_generators():  # a pruner may draw numbers; the trial's own stay as they are
            stop = bool(trainer.strategy.broadcast(self._on_report(self._last)))
        if self._error or (stop and not self._is_final):
            self._state = "pruned"
            _stop(trainer)

    def _compose(self, trainer: Trainer, module: Any) -> None:
        if self._state == "pruned":
            return
        metrics = mean_over_ranks(trainer, _logged(trainer.callback_metrics))
        metrics |= self._losses(trainer, module)
        require_metric(self._metric, metrics)
        weights, histograms = weight_metrics(module, self._regularizer.select)
        step = self._last.step + 1 if self._last else 0
        self._last = Report(self._trial, step, metrics | weights, histograms)
        self._is_unsent = True
        is_last_epoch = trainer.current_epoch + 1 >= (trainer.max_epochs or math.inf)
        self._is_final = is_last_epoch and bool(trainer.is_last_batch)
        self._error = (
            divergence(self._metric, self._last.metrics, trainer.current_epoch) or self._error
        )

    def _losses(self, trainer: Trainer, module: Any) -> dict[str, float]:
        losses = self._means.means(functools.partial(trainer.strategy.reduce, reduce_op="sum"))
        if module.automatic_optimization:
            require_losses(losses, trainer.current_epoch)
        return losses


def _logged(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in metrics.items()
        if not isinstance(value, Tensor) or value.numel() == 1
    }


def _stop(trainer: Trainer) -> None:
    """Ends the fit after this epoch, min_epochs and min_steps notwithstanding."""
    trainer.fit_loop.min_epochs = None
    trainer.fit_loop.epoch_loop.min_steps = None
    trainer.should_stop = True
