"""The names a study's record is made of: what was tuned, what was measured, which layers there are.

Views are laid out from names alone, and only the trials tell them: each event may add some. Params
and metrics are named as MLflow stores them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regsearch.tracking.names import key

OWN_PARAMS = ("penalty", "lam", "l1_ratio")
OWN_FAMILIES = ("loss", "sparsity", "near_zero", "weight_norm")
QUANTILES = ("weights_p50", "weights_p25", "weights_p75", "weights_p05", "weights_p95")
DECADES = 1.0, 6.0


@dataclass
class Vocabulary:
    """Collects names in the order of their first appearance.

    Attributes:
        params: What trials were given, and how many of them.
        metrics: What they reported: the lowest value, but for zeros, and the highest.
        layers: Parameters with histograms, by their own names.
    """

    params: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)
    layers: dict[str, None] = field(default_factory=dict)

    def note(self, event: Mapping[str, Any]) -> None:
        """Takes in an event of a spool."""
        match event.get("kind"):
            case "start":
                for name in map(str, event["params"]):
                    self.params[key(name)] = self.params.get(key(name), 0) + 1
            case "report":
                for name, value in event["metrics"].items():
                    self._measure(key(name), value)
                self.layers.update(dict.fromkeys(event["histograms"]))

    def _measure(self, name: str, value: float) -> None:
        lowest, highest = self.metrics.setdefault(name, (math.inf, -math.inf))
        if math.isfinite(value) and value != 0:
            self.metrics[name] = min(lowest, value), max(highest, value)

    @property
    def extras(self) -> list[str]:
        """Hyperparameters beyond the penalty's own."""
        return [name for name in self.params if name not in OWN_PARAMS]

    @property
    def others(self) -> list[str]:
        """Metrics of the module's own."""
        return [name for name in self.metrics if family(name) not in (*OWN_FAMILIES, *QUANTILES)]

    def spreads(self, metric: str) -> bool:
        """Whether a metric is best read on a logarithmic axis: positive, over several decades."""
        lowest, highest = self.metrics.get(metric, (math.inf, -math.inf))
        least, most = DECADES
        return 0 < lowest < highest and least < math.log10(highest) - math.log10(lowest) < most


def family(metric: str) -> str:
    """Returns what stands before a metric's last slash, by which MLflow groups charts."""
    return metric.rpartition("/")[0]
