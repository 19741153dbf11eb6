"""A study's histograms made comparable: every trial's ridges of a layer in the same bins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np

from regsearch.figures.data import StudyData, WeightHistory
from regsearch.ridges.bins import Ridges

FAR = 4.0  # a trial that reaches farther than this times the median is cut, not the rest squeezed


@dataclass(frozen=True)
class LayerRidges:
    """One layer's histograms of several trials.

    Attributes:
        limit: Half the range of all; 0 if no trial has a weight that is not zero.
        bins: How many bins there are.
        peak: The highest count of any bin.
        of_trial: The ridges by the trial's number; trials without the layer are left out.
        beyond: How many trials have weights beyond the range, which are in no bin.
    """

    limit: float = 0.0
    bins: int = 0
    peak: float = 0.0
    of_trial: Mapping[int, Ridges] = field(default_factory=dict)
    beyond: int = 0


def layer_ridges(data: StudyData, numbers: Iterable[int], name: str) -> LayerRidges:
    """Returns one layer's ridges of several trials in the same bins, cut to where weights are.

    Where a few trials' weights have run away, what lies far beyond the others' range is left out.

    Args:
        data: The study.
        numbers: The trials.
        name: The layer.
    """
    found = {number: data.weights.get(number, {}).get(name) for number in numbers}
    own = {number: _ridges(history) for number, history in found.items() if _is_sound(history)}
    own = {number: ridges for number, ridges in own.items() if len(ridges.steps)}
    if not own:
        return LayerRidges()
    limit, bins = _limit([*own.values()]), max(r.counts.shape[1] for r in own.values())
    common = {number: ridges.on(limit, bins) for number, ridges in own.items()}
    reach = max(ridges.reach for ridges in common.values())
    cut = {number: ridges.cut(reach) for number, ridges in common.items()}
    example = next(iter(cut.values()))
    return LayerRidges(
        limit=example.limit if reach else 0.0,
        bins=example.counts.shape[1],
        peak=max(float(ridges.counts.max()) for ridges in cut.values()),
        of_trial=cut,
        beyond=sum(ridges.reach > limit for ridges in own.values()),
    )


def _is_sound(history: WeightHistory | None) -> TypeGuard[WeightHistory]:
    if history is None or np.ndim(history.counts) != 2:
        return False
    limit = float(history.edges[-1]) if len(history.edges) > 1 else 0.0
    return np.size(history.counts) > 0 and math.isfinite(limit) and limit > 0


def _ridges(history: WeightHistory) -> Ridges:
    """Returns a history as ridges, without the reports whose step is unknown."""
    known = np.isfinite(np.asarray(history.steps, dtype=float))
    counts = np.nan_to_num(np.asarray(history.counts, dtype=float)[known])
    zeros = np.asarray(history.zeros)[known].astype(np.int64)
    return Ridges(
        steps=np.asarray(history.steps)[known].astype(np.int64),
        counts=counts,
        zeros=zeros,
        sizes=zeros + np.rint(counts.sum(axis=1)).astype(np.int64),
        limit=float(history.edges[-1]),
    )


def _limit(found: Sequence[Ridges]) -> float:
    """Returns the range that holds all weights but those of trials that ran away."""
    reaches = [ridges.reach for ridges in found if ridges.reach > 0]
    if not reaches:
        return found[0].limit
    farthest = FAR * float(np.median(reaches))
    return max(ridges.limit for ridges in found if ridges.reach <= farthest)
