"""What an outcome counts as: only a finite number is a value, for Optuna and for people alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from regsearch.trials import DIVERGED, Direction, Outcome, Report

# Optuna learns nothing from NaN, and infinities spoil its models; this is far worse than any loss.
FAR_WORSE = 1e30


def worst(direction: Direction) -> float:
    """Returns the finite value that stands for one that is not."""
    return FAR_WORSE if direction == "minimize" else -FAR_WORSE


def is_finite(value: float | None) -> bool:
    """Tells whether there is a value, and it is neither NaN nor infinite."""
    return value is not None and math.isfinite(value)


def divergence(report: Report, monitor: str) -> str:
    """Says that a report's monitored metric is not finite; "" if it is, or is not there."""
    value = report.metrics.get(monitor, 0.0)
    if math.isfinite(value):
        return ""
    return f"{DIVERGED}: {monitor} was {value} in report {report.step}"


def judged(outcome: Outcome, monitor: str, diverged: str) -> Outcome:
    """Returns the outcome as it counts.

    Args:
        outcome: As the train function gave it.
        monitor: The metric that is optimised.
        diverged: What `divergence` said of the trial's reports, the first time it spoke.
    """
    value = outcome.value if is_finite(outcome.value) else None
    if outcome.state == "complete" and outcome.value is None:
        return replace(outcome, state="failed", error=_nothing_monitored(monitor, outcome.metrics))
    if outcome.state == "complete" and value is None:
        error = diverged or f"{DIVERGED}: {monitor} ended at {outcome.value}"
        return replace(outcome, state="pruned", value=None, error=error)
    if outcome.state == "pruned":
        return replace(outcome, value=value, error=outcome.error or diverged)
    return replace(outcome, value=value)


def _nothing_monitored(monitor: str, metrics: Iterable[str]) -> str:
    return (
        f"ValueError: A complete trial must have a value of monitor={monitor!r}, but it has none. "
        f"Its metrics are: {', '.join(sorted(metrics)) or 'none'}."
    )
