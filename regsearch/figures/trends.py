"""A curve through scattered trials: local means, so that it bends where the trials do."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FEWEST = 5  # trials at different places; fewer make no curve
_SHARE = 0.35
_POINTS = 100
_WIDTH = 0.5  # standard deviation of the weights, as a share of how far the near points lie
_NARROWEST = 0.04  # of the range


def trend(x: ArrayLike, y: ArrayLike, share: float = _SHARE) -> tuple[Floats, Floats]:
    """Returns a smooth curve through points, on an even grid over their x.

    At each place the mean of all points, near ones counting more, near meaning as near as the
    nearest `share` of them. A mean lies between the points, so the curve is never better than all
    trials, as a fitted line can be where there are few.

    Args:
        x: Where the points are, (n,).
        y: Their values, finite, (n,).
        share: Share of the points that a place sees.

    Returns:
        The places and the curve's values, empty where fewer than `FEWEST` places have points.
    """
    places, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(np.unique(places)) < FEWEST:
        return np.empty(0), np.empty(0)
    grid = np.linspace(places.min(), places.max(), _POINTS)
    away = np.abs(grid[:, None] - places)
    near = min(len(places), max(3, round(share * len(places)))) - 1
    reach = np.partition(away, near, axis=1)[:, near]
    width = np.maximum(_WIDTH * reach, _NARROWEST * np.ptp(places))
    weights = np.exp(-0.5 * (away / width[:, None]) ** 2)
    return grid, weights @ values / weights.sum(axis=1)
