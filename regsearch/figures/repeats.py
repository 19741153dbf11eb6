"""How sure a best value is: the same setting trained with other seeds or on other folds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from regsearch.figures.data import StudyData
from regsearch.figures.ranking import Row, complete, rows_of, table

# Extras of these names make another repeat of a setting, not another setting.
REPEATS = ("seed", "fold", "split", "repeat")
_RESAMPLES = 10_000
_LEVEL = 0.95


class Setting(NamedTuple):
    """A setting and what it gave.

    Attributes:
        row: Its best trial.
        values: The monitored metric of each of its runs.
    """

    row: Row
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over its runs."""
        return float(np.mean(self.values))


def is_repeat(name: str) -> bool:
    """Returns whether an extra counts repeats.

    Example:
        >>> is_repeat("seed"), is_repeat("cv_fold"), is_repeat("width")
        (True, True, False)
    """
    return str(name).lower().split("_")[-1] in REPEATS


def best_setting(data: StudyData, frame: pd.DataFrame | None = None) -> Setting | None:
    """Returns the setting with the best mean; of settings that were repeated, where any was.

    A single lucky run does not beat the mean of several. Two trials of the same seed are one run
    made twice.
    """
    rows = complete(table(data) if frame is None else frame)
    if rows.empty:
        return None
    names = ["penalty", "lam", "l1_ratio", *(n for n in data.extras if not is_repeat(n))]
    repeats = [name for name in data.extras if is_repeat(name) and name in rows]
    if not repeats:
        return Setting(rows_of(rows)[0], (float(rows["value"].iloc[0]),))
    rows = rows.drop_duplicates([*(n for n in names if n in rows), *repeats])
    groups = rows.groupby([*(n for n in names if n in rows)], dropna=False)["cost"]
    sizes, means = groups.transform("size"), groups.transform("mean")
    repeated = rows[sizes > 1] if (sizes > 1).any() else rows
    setting = groups.ngroup()
    best = means[repeated.index].argmin()
    same = rows[setting == setting[repeated.index].iloc[best]]
    return Setting(rows_of(same)[0], tuple(same["value"].astype(float)))


def interval(values: ArrayLike, level: float = _LEVEL) -> tuple[float, float] | None:
    """Returns a bootstrap interval of the mean: percentiles of 10,000 resamples; None of one value.

    Args:
        values: One a run, (n,).
        level: The share of resampled means that lies in it.

    Example:
        >>> low, high = interval([0.10, 0.12, 0.14])
        >>> round(low, 3), round(high, 3)
        (0.1, 0.14)
    """
    given = np.asarray(values, dtype=float)
    if len(given) < 2:
        return None
    drawn = np.random.default_rng(0).choice(given, (_RESAMPLES, len(given)))
    low, high = np.quantile(drawn.mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
