"""When a trial's learning-rate schedulers step, as the Trainer has it.

Every trial keeps its own optimizer and schedulers, as its module configured them: a stack reads the
numbers in the optimizer's parameter groups and does the optimizer's arithmetic for all its trials.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from regsearch.training.fused.refusal import NotFusableError


class Schedules:
    """The schedulers of one trial.

    Args:
        configs: Lightning's own `LRSchedulerConfig`s.
    """

    def __init__(self, configs: Sequence[Any]) -> None:
        for config in configs:
            if config.reduce_on_plateau and config.interval == "step":
                raise NotFusableError("a scheduler watches a metric after each step")
            # A scheduler looks whether the optimizer has stepped; here a stack does it instead.
            config.scheduler.optimizer._opt_called = True
        self._configs = list(configs)

    def __bool__(self) -> bool:
        return bool(self._configs)

    def after_batch(self, index: int) -> bool:
        """Steps what steps with each batch; returns whether anything has."""
        return self._step("step", index)

    def after_training(self, epoch: int) -> bool:
        """Steps what steps with each epoch, before its validation; returns whether anything has."""
        return self._step("epoch", epoch)

    def after_epoch(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Steps what watches a metric, once all is logged; returns whether anything has."""
        due = [c for c in self._configs if c.reduce_on_plateau and (epoch + 1) % c.frequency == 0]
        for config in due:
            if config.monitor in metrics:
                config.scheduler.step(metrics[config.monitor])
            elif config.strict:
                raise ValueError(
                    f"A scheduler's monitor must be logged, but {config.monitor!r} was not. "
                    f"Logged: {', '.join(sorted(metrics))}."
                )
            else:
                warnings.warn(f"A scheduler's monitor {config.monitor!r} is missing.", stacklevel=2)
        return bool(due)

    def _step(self, interval: str, index: int) -> bool:
        due = [
            config
            for config in self._configs
            if not config.reduce_on_plateau
            and config.interval == interval
            and (index + 1) % config.frequency == 0
        ]
        for config in due:
            config.scheduler.step()
        return bool(due)
