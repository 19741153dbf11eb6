"""A trial's voice: a Lightning callback that reports after each validation epoch.

It collects what the module logged, the losses and what the penalised weights look like, sends one
`Report` and stops the Trainer if told to, or if a loss is no longer finite.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from regsearch.callback import PenaltyHooks
from regsearch.namespaces import Trainer
from regsearch.penalties import NoPenalty
from regsearch.regularizer import Regularizer
from regsearch.selection import Selector
from regsearch.shards import reshard, whole
from regsearch.sparsity import summarize
from regsearch.training.ranks import mean_over_ranks
from regsearch.training.surroundings import untouched_generators
from regsearch.trials import DIVERGED, Histogram, OnReport, Outcome, Report, State


class Monitor(PenaltyHooks):
    """Penalises one trial and reports on it: in one callback, since Lightning's calls add up.

    Args:
        trial: The trial's number.
        metric: Name of the metric that is optimised.
        regularizer: The trial's penalty.
        on_report: Takes each report; True stops the trial.
        sends: Whether an epoch's report is sent by itself; otherwise somebody calls `send`.
    """

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
        """Returns the last report's step and metrics, sent or not: what a checkpoint keeps."""
        return {"step": self._last.step, "metrics": dict(self._last.metrics)} if self._last else {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on counting where a checkpoint stood."""
        self._last = Report(self._trial, state_dict["step"], state_dict["metrics"])

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
        is_last_epoch = trainer.current_epoch + 1 >= (trainer.max_epochs or math.inf)
        if self._error or (stop and not (is_last_epoch and trainer.is_last_batch)):
            self._state = "pruned"
            _stop(trainer)

    def _compose(self, trainer: Trainer, module: Any) -> None:
        if self._state == "pruned":
            return
        metrics = mean_over_ranks(trainer, _logged(trainer.callback_metrics))
        metrics |= self._losses(trainer, module)
        self._require_metric(metrics)
        weights, histograms = weight_metrics(module, self._regularizer.select)
        step = self._last.step + 1 if self._last else 0
        self._last = Report(self._trial, step, metrics | weights, histograms)
        self._is_unsent = True
        self._note_divergence(trainer.current_epoch)

    def _losses(self, trainer: Trainer, module: Any) -> dict[str, float]:
        losses = self._means.means(functools.partial(trainer.strategy.reduce, reduce_op="sum"))
        if not losses and module.automatic_optimization:
            raise ValueError(
                "training_step must return a loss, but gave None for the whole epoch "
                f"{trainer.current_epoch}. Return a tensor, or a dict with the key 'loss'."
            )
        return losses

    def _require_metric(self, metrics: Mapping[str, float]) -> None:
        if self._metric not in metrics:
            raise ValueError(
                f"Task.monitor must be logged by the module, but {self._metric!r} was not. "
                f"Logged: {', '.join(sorted(metrics))}."
            )

    def _note_divergence(self, epoch: int) -> None:
        assert self._last is not None
        for name in (self._metric, "loss/total"):
            value = self._last.metrics.get(name, 0.0)
            if not math.isfinite(value):
                self._error = f"{DIVERGED}: {name} was {value} in epoch {epoch}"


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


def weight_metrics(
    module: nn.Module, select: Selector
) -> tuple[dict[str, float], dict[str, Histogram]]:
    """Describes the selected parameters.

    Returns:
        Metrics by name (`sparsity/`, `near_zero/`, `weight_norm/`, `weights_p05/` ...), and
        histograms by the parameter's qualified name.
    """
    reshard(module)
    parameters = Regularizer(NoPenalty(), select).parameters(module)
    summaries = {name: summarize(whole(parameter)) for name, parameter in parameters.items()}
    size = sum(s.size for s in summaries.values())
    metrics = {
        "sparsity/all": sum(s.zeros for s in summaries.values()) / size,
        "near_zero/all": sum(s.near_zeros for s in summaries.values()) / size,
    }
    for name, s in summaries.items():
        metrics[f"sparsity/{name}"] = s.zeros / s.size
        metrics[f"near_zero/{name}"] = s.near_zeros / s.size
        metrics[f"weight_norm/{name}"] = s.norm
        for quantile, value in s.quantiles.items():
            metrics[f"weights_{quantile}/{name}"] = value
    return metrics, {name: s.histogram for name, s in summaries.items()}
