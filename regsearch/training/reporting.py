"""What a report of an epoch must hold, and what it says of the trial, whoever trains it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import nn

from regsearch.penalties import NoPenalty
from regsearch.regularizer import Regularizer
from regsearch.selection import Selector
from regsearch.shards import reshard, whole
from regsearch.sparsity import summarize
from regsearch.trials import DIVERGED, Histogram


def require_losses(losses: Mapping[str, float], epoch: int) -> None:
    """Raises ValueError if an epoch had no losses."""
    if not losses:
        raise ValueError(
            "training_step must return a loss, but gave None for the whole epoch "
            f"{epoch}. Return a tensor, or a dict with the key 'loss'."
        )


def require_metric(monitor: str, metrics: Mapping[str, float]) -> None:
    """Raises ValueError if the metric that is optimised is not among those that were logged."""
    if monitor not in metrics:
        raise ValueError(
            f"Task.monitor must be logged by the module, but {monitor!r} was not. "
            f"Logged: {', '.join(sorted(metrics))}."
        )


def divergence(monitor: str, metrics: Mapping[str, float], epoch: int) -> str:
    """Says that the monitored metric or the loss is not finite; "" if both are."""
    error = ""
    for name in (monitor, "loss/total"):
        value = metrics.get(name, 0.0)
        if not math.isfinite(value):
            error = f"{DIVERGED}: {name} was {value} in epoch {epoch}"
    return error


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
