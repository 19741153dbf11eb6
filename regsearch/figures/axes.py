"""Axes that a person can read.

λ stands by decades, and values with the outliers at the rim instead of all others in one corner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regsearch.figures.data import StudyData
from regsearch.figures.labels import number, plain, power
from regsearch.figures.theme import MUTED
from regsearch.trials import Direction

Floats = NDArray[np.float64]

_LOG_FROM = 4.0  # an axis of positive values is logarithmic when they span more than this factor
_FAR = 6.0
_WORTH_IT = 0.7  # clip only where the rest fills less of the axis than this without clipping
_MOST_CLIPPED = 0.45
_MARGIN = 0.06
_FEW_TICKS = 3
_MANY_TICKS = 8
_DIGITS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8))


@dataclass(frozen=True)
class Scale:
    """What part of a value's range is drawn, and how.

    Attributes:
        is_log: Whether the axis is logarithmic.
        low: The smallest value drawn.
        high: The largest value drawn.
    """

    is_log: bool
    low: float
    high: float

    def clipped(self, values: ArrayLike) -> Floats:
        """Returns the values, those outside on the rim."""
        return np.asarray(values, dtype=float).clip(self.low, self.high)

    def outside(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Returns which values are not drawn where they are."""
        given = np.asarray(values, dtype=float)
        return (given < self.low) | (given > self.high)

    def axis(self, above: float = 0.0) -> dict[str, Any]:
        """Returns the axis as Plotly takes it.

        Args:
            above: Room for words above the values, as a share of the axis.
        """
        if not self.is_log:
            room = _MARGIN * (self.high - self.low) or abs(self.high) * _MARGIN or 1.0
            return {"range": [self.low - room, self.high + room + above * (self.high - self.low)]}
        low, high = math.log10(self.low), math.log10(self.high)
        room = _MARGIN * (high - low) or _MARGIN
        drawn = (low - room, high + room + above * (high - low))
        return {"type": "log", "range": list(drawn), **log_ticks(10 ** drawn[0], 10 ** drawn[1])}


def scale_of(
    values: ArrayLike, direction: Direction = "minimize", *, most: float = _MOST_CLIPPED
) -> Scale:
    """Returns a scale that shows all values but the few that are far worse than the rest.

    Far is six times as far from the median as the best ones are: the trials of a good study crowd
    near its best value, a reader wants to tell them apart, and of a collapsed one it is enough to
    see that it is. The good side is never clipped, and nothing is where the rest would hardly gain
    room.

    Args:
        values: Any numbers; those that are not finite do not count.
        direction: Whether small or large values are good.
        most: The largest share of them that is clipped.
    """
    given = np.asarray(values, dtype=float)
    finite = given[np.isfinite(given)]
    if not finite.size:
        return Scale(is_log=False, low=0.0, high=1.0)
    spans = finite.min() > 0 and finite.max() > _LOG_FROM * finite.min()
    is_log = bool(spans and direction == "minimize")
    measured = np.log10(finite) if is_log else finite
    low, high = _drawn(measured if direction == "minimize" else -measured, most)
    ends = (low, high) if direction == "minimize" else (-high, -low)
    drawn = finite[(measured >= ends[0]) & (measured <= ends[1])]
    return Scale(is_log, float(drawn.min()), float(drawn.max()))


def _drawn(costs: Floats, most: float) -> tuple[float, float]:
    """Returns the smallest cost and the largest that is not an outlier."""
    best, median, rest = np.quantile(costs, [0.05, 0.5, 1 - most], method="lower")
    fence = max(median + _FAR * (median - best), rest)
    kept = costs[costs <= fence]
    is_worth_it = np.ptp(kept) < _WORTH_IT * np.ptp(costs)
    return float(costs.min()), float(kept.max() if is_worth_it else costs.max())


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Returns hand-set ticks of a logarithmic axis: as many as a reader needs, at round values.

    Example:
        >>> log_ticks(0.09, 2.1)["ticktext"]
        ['0.1', '0.2', '0.5', '1', '2']
        >>> log_ticks(1e-3, 1.0)["ticktext"]
        ['0.001', '0.01', '0.1', '1']
        >>> log_ticks(0.126, 0.154)["ticktext"]
        ['0.13', '0.14', '0.15']
    """
    if high <= low * (1 + 1e-9):
        return _named([low])
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in _DIGITS:
        values = [d * 10.0**e for e in range(first, last + 1) for d in digits]
        shown = [value for value in values if _within(value, low, high)]
        if len(shown) > _FEW_TICKS:
            every = math.ceil(len(shown) / _MANY_TICKS)
            return _named(shown[::every])
    step = 10.0 ** math.floor(math.log10(high - low))
    first_step = math.ceil(low / step)
    return _named([step * i for i in range(first_step, math.floor(high / step) + 1)])


def _named(values: list[float]) -> dict[str, Any]:
    name = number if all(1e-3 <= value < 1e4 for value in values) else as_power
    return {"tickvals": values, "ticktext": _different(values, name)}


def _different(values: list[float], name: Callable[[float, int], str]) -> list[str]:
    """Returns names with as few digits as tell the values apart."""
    for digits in range(2, 12):
        names = [name(value, digits) for value in values]
        if len({*names}) == len(names):
            break
    return names


def as_power(value: float, digits: int = 2) -> str:
    """Returns a positive number as so many digits times a power of ten.

    Example:
        >>> as_power(1e-3), as_power(2e-4)
        ('10<sup>−3</sup>', '2·10<sup>−4</sup>')
    """
    exponent = math.floor(math.log10(value) + 1e-9)
    shown = f"{value / 10.0**exponent:.{digits}g}"
    return power(exponent) if shown == "1" else f"{shown}·{power(exponent)}"


def _within(value: float, low: float, high: float) -> bool:
    return low * (1 - 1e-9) <= value <= high * (1 + 1e-9)


def lam_axis(
    ends: tuple[float, float] | None, title: str = "λ, strength of the penalty (log scale)"
) -> dict[str, Any]:
    """Returns the logarithmic axis of strengths.

    Args:
        ends: The smallest and the largest, see `strengths.usual`.
        title: What stands at the axis.
    """
    low, high = ends or (1e-4, 1.0)
    room = max(0.05 * math.log10(high / low), 0.12)
    ends = (math.log10(low) - room, math.log10(high) + room)
    ticks = log_ticks(10 ** ends[0], 10 ** ends[1])
    ticks["ticktext"] = _different(ticks["tickvals"], as_power)
    return {"type": "log", "range": list(ends), "title": {"text": title}, **ticks}


def value_title(data: StudyData, is_log: bool = False) -> str:
    """Returns the monitor's name and which of its ends is good."""
    good = "lower" if data.direction == "minimize" else "higher"
    log = ", log scale" if is_log else ""
    return f"{plain(data.monitor, 28)} ({good} is better{log})"


def with_note(title: str, *notes: str) -> str:
    """Returns an axis title with remarks below it; empty remarks are left out."""
    lines = [f'<span style="font-size:11px;color:{MUTED}">{note}</span>' for note in notes if note]
    return "<br>".join([title, *lines])


def clipping_note(scale: Scale, values: ArrayLike, noun: str = "trial") -> str:
    """Says how many values stand on the rim, and the worst of them; "" if none does."""
    given = np.asarray(values, dtype=float)
    beyond = given[scale.outside(given)]
    if not beyond.size:
        return ""
    above = beyond.max() > scale.high
    worst, mark, side = (beyond.max(), "▲", "above") if above else (beyond.min(), "▼", "below")
    nouns = noun if beyond.size == 1 else f"{noun}s"
    return f"{mark} {beyond.size} {nouns} {side} the axis, the farthest at {number(float(worst))}"
