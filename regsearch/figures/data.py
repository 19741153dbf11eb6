"""What figures are drawn from: one study's trials, their curves and their weights.

Whoever has the results, in memory or in a store, puts them into this form; a figure knows nothing
of where they came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regsearch.trials import Direction


@dataclass(frozen=True)
class WeightHistory:
    """One parameter's non-zero weights over a trial's E reports, in B bins.

    Attributes:
        steps: The reports' steps, (E,).
        counts: Non-zero weights in each bin, (E, B).
        zeros: Weights that are exactly zero, (E,).
        edges: The bins' edges, the same for all reports, (B + 1,).
    """

    steps: NDArray[np.int64]
    counts: NDArray[np.int64]
    zeros: NDArray[np.int64]
    edges: NDArray[np.float64]


Weights = Mapping[str, WeightHistory]
"""A trial's parameters by qualified name, in the module's order."""


@dataclass(frozen=True, eq=False)
class StudyData:
    """A study as figures see it, equal to itself alone.

    Its frames are not to be changed once a figure is drawn: `dataclasses.replace` makes another.

    Attributes:
        name: The study's name, any text.
        monitor: The metric that is optimised.
        direction: Whether small or large values of it are good.
        trials: A row a trial, by number: `number, state, value, penalty, lam, l1_ratio`, the
            extras, the last report's metrics by name, `reason, attempt, retry_of, seconds` and
            `started` (seconds since the study's first trial began; NaN where unknown). `state` is
            "complete", "pruned", "failed" or "running"; `lam` is 0 for the penalty "none".
        curves: A row a report: `trial, step` and the metrics by name; NaN where not reported.
        weights: Histograms by the trial's number; trials without any are left out.
        extras: Which columns of `trials` are hyperparameters beyond the penalty's own.
    """

    name: str
    monitor: str
    direction: Direction
    trials: pd.DataFrame
    curves: pd.DataFrame
    weights: Mapping[int, Weights] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
