"""Histograms of one parameter on one common range, so that they can be drawn over each other.

Each report of a trial counts its weights on a range that just holds them; what is drawn together
stands on one range, symmetric about zero, cut to where there are any weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from regsearch.trials import Histogram

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Ridges:
    """One parameter's histograms over a trial's E reports, in B bins on [-limit, limit].

    Attributes:
        steps: The reports' steps, (E,).
        counts: Non-zero weights in each bin, (E, B).
        zeros: Weights that are exactly zero, (E,).
        sizes: All weights that were counted, in a bin or not, (E,).
        limit: Half the range.
    """

    steps: NDArray[np.int64]
    counts: Counts
    zeros: NDArray[np.int64]
    sizes: NDArray[np.int64]
    limit: float

    @property
    def shares(self) -> NDArray[np.float64]:
        """The share of exact zeros at each report, (E,); 0 where nothing was counted."""
        return self.zeros / np.maximum(self.sizes, 1)

    @property
    def reach(self) -> float:
        """The end of the outermost bin that is not empty; 0 if all are."""
        filled = np.flatnonzero(self.counts.any(axis=0))
        if not len(filled):
            return 0.0
        bins = self.counts.shape[1]
        ends = (bins - 2 * filled[0], 2 * filled[-1] + 2 - bins)
        return float(max(ends) * self.limit / bins)

    def on(self, limit: float, bins: int) -> Ridges:
        """Returns the same weights in other bins; those beyond `limit` are left out."""
        counts = rebinned(self.counts, self.limit, limit, bins)
        return replace(self, counts=counts, limit=limit)

    def cut(self, limit: float) -> Ridges:
        """Returns the bins, as they are, that cover [-limit, limit]."""
        bins = self.counts.shape[1]
        share = 1 - limit / self.limit if self.limit else 0.0
        spare = max(0, min(int(share * bins / 2 + 1e-9), (bins - 1) // 2))
        kept = self.counts[:, spare : bins - spare]
        return replace(self, counts=kept, limit=self.limit * (1 - 2 * spare / bins))

    def thinned(self, most: int) -> Ridges:
        """Returns at most `most` of the reports, evenly spaced, the first and the last of them."""
        kept = evenly(len(self.steps), most)
        return Ridges(
            steps=self.steps[kept],
            counts=self.counts[kept],
            zeros=self.zeros[kept],
            sizes=self.sizes[kept],
            limit=self.limit,
        )


def ridges(series: Sequence[tuple[int, Histogram]]) -> Ridges:
    """Returns a trial's histograms of one parameter on the widest of their ranges.

    Args:
        series: Steps and histograms; not empty, and each histogram has bins.
    """
    limit = max(histogram.limit for _, histogram in series)
    bins = max(len(histogram.counts) for _, histogram in series)
    rows = [rebinned(np.asarray(h.counts, float), h.limit, limit, bins) for _, h in series]
    steps = np.array([step for step, _ in series], np.int64)
    zeros = np.array([histogram.zeros for _, histogram in series], np.int64)
    sizes = zeros + np.array([sum(histogram.counts) for _, histogram in series], np.int64)
    return Ridges(steps, np.array(rows), zeros, sizes, limit)


def rebinned(counts: Counts, limit: float, target: float, bins: int) -> Counts:
    """Returns counts on [-limit, limit] in `bins` bins on [-target, target].

    A bin that falls into several new ones is shared out evenly between them.

    Args:
        counts: (..., B).
        limit: Half of their range.
        target: Half of the new range.
        bins: How many new bins.
    """
    if limit == target and counts.shape[-1] == bins:
        return counts
    found: Counts = counts @ _overlaps(counts.shape[-1], limit, bins, target)
    return found


@lru_cache(maxsize=1000)
def _overlaps(bins: int, limit: float, new_bins: int, target: float) -> Counts:
    """Returns which share of each bin falls into each new one, (bins, new_bins)."""
    old, new = np.linspace(-limit, limit, bins + 1), np.linspace(-target, target, new_bins + 1)
    starts = np.maximum(old[:-1, None], new[None, :-1])
    ends = np.minimum(old[1:, None], new[None, 1:])
    shares: Counts = np.maximum(ends - starts, 0.0) / (2 * limit / bins)
    return shares


def evenly(length: int, most: int) -> list[int]:
    """Returns at most `most` evenly spaced positions of `length`, the first and the last of them.

    Example:
        >>> evenly(3, 5), evenly(9, 3), evenly(9, 1)
        ([0, 1, 2], [0, 4, 8], [8])
    """
    if length <= most:
        return list(range(length))
    if most < 2:
        return [length - 1][:most]
    return [round(i * (length - 1) / (most - 1)) for i in range(most)]
