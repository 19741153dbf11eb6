"""The upright axes of parallel coordinates: where a trial crosses each, from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regsearch.figures.axes import log_ticks, scale_of
from regsearch.figures.data import StudyData
from regsearch.figures.labels import number, plain, share
from regsearch.figures.ranking import SPARSITY, kinds
from regsearch.figures.trends import Floats

_MOST_CATEGORIES = 12
_ZERO_BELOW = 0.12  # so much of the axis of strengths is left below it for λ = 0
# Where a kind without a ratio stands among those with one: these are its two ends.
_RATIOS = {"l1": 1.0, "l2": 0.0, "group_lasso": 0.0}


@dataclass(frozen=True)
class Dimension:
    """One upright axis.

    Attributes:
        title: What stands above it.
        places: Where the trials cross it, 0 at the bottom to 1, NaN for nowhere, (n,).
        ticks: Places that are named.
        names: Their names.
    """

    title: str
    places: Floats
    ticks: Floats
    names: list[str]


def dimensions_of(data: StudyData, rows: pd.DataFrame) -> list[Dimension]:
    """Returns the axes: penalty, λ, l1_ratio, the extras, sparsity and the monitor."""
    ratios = rows["l1_ratio"].fillna(rows["penalty"].map(_RATIOS).astype(float))
    found = [_categories("penalty", rows["penalty"], kinds(rows)), _lam(rows["lam"])]
    if rows["l1_ratio"].notna().any():
        found.append(_linear("l1_ratio<br>(l1 = 1, l2 = 0)", ratios))
    found += [_extra(name, rows[name]) for name in data.extras if name in rows]
    if rows[SPARSITY].notna().any():
        found.append(_shares("zero weights", rows[SPARSITY]))
    return [*found, _value(data, rows["value"])]


def _spread(values: pd.Series, low: float, high: float) -> Floats:
    given = values.to_numpy(dtype=float)
    return (given - low) / (high - low) if high > low else np.where(np.isnan(given), np.nan, 0.5)


def _categories(title: str, values: pd.Series, names: list[str]) -> Dimension:
    ticks = (np.arange(len(names)) + 0.5) / len(names)
    places = values.map(dict(zip(names, ticks, strict=True))).to_numpy(dtype=float)
    return Dimension(title, places, ticks, [plain(name, 18) for name in names])


def _linear(title: str, values: pd.Series) -> Dimension:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    low, high = float(numbers.min()), float(numbers.max())
    ticks = np.linspace(low, high, 5) if high > low else np.array([low])
    names = [number(float(tick), 3) for tick in ticks]
    return Dimension(
        title, _spread(numbers, low, high), _spread(pd.Series(ticks), low, high), names
    )


def _shares(title: str, values: pd.Series) -> Dimension:
    ticks = np.linspace(0, 1, 5)
    return Dimension(title, values.to_numpy(dtype=float), ticks, [share(float(t)) for t in ticks])


def _log(title: str, values: pd.Series) -> Dimension:
    logs = np.log10(values)
    low, high = float(logs.min()), float(logs.max())
    named = log_ticks(10**low, 10**high)
    ticks = _spread(pd.Series(np.log10(named["tickvals"])), low, high)
    return Dimension(title, _spread(logs, low, high), ticks, named["ticktext"])


def _lam(lams: pd.Series) -> Dimension:
    """Returns the axis of strengths; λ = 0, of which there is no logarithm, stands below it."""
    positive = lams.where(lams > 0)
    if not positive.notna().any():
        return _categories("λ", lams.map(str), sorted({*lams.map(str)}))
    dimension = _log("λ (log scale)", positive)
    if not (lams == 0).any():
        return dimension
    raised = _ZERO_BELOW + (1 - _ZERO_BELOW) * dimension.places
    places = np.where((lams == 0).to_numpy(), 0.0, raised)
    ticks = np.append(0.0, _ZERO_BELOW + (1 - _ZERO_BELOW) * dimension.ticks)
    return Dimension(dimension.title, places, ticks, ["0", *dimension.names])


def _extra(name: str, values: pd.Series) -> Dimension:
    numbers = pd.to_numeric(values, errors="coerce")
    if values.map(lambda v: isinstance(v, bool)).any() or not numbers.notna().any():
        words = values.map(str)
        names = sorted({*words})[:_MOST_CATEGORIES]
        return _categories(plain(name, 18), words, names)
    spans = float(numbers.min()) > 0 and float(numbers.max()) > 20 * float(numbers.min())
    return _log(plain(name, 18), numbers) if spans else _linear(plain(name, 18), numbers)


def _value(data: StudyData, values: pd.Series) -> Dimension:
    scale = scale_of(values, data.direction)
    shown = pd.Series(scale.clipped(values))
    good = "lower" if data.direction == "minimize" else "higher"
    title = f"{plain(data.monitor, 18)}<br>({good} is better)"
    if scale.is_log and scale.high > scale.low:
        return _log(title, shown)
    return _linear(title, shown)
