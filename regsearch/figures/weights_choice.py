"""Which trials, layers and epochs of a study have their histograms drawn, where there are many.

A page must stay small enough to be sent and opened, and more than some forty ridges over each other
nobody reads. What is left out is left out evenly, and said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regsearch.figures.archives import reports_of
from regsearch.figures.data import StudyData
from regsearch.figures.ranking import complete, table
from regsearch.ridges.bins import evenly

FEWEST_EPOCHS = 4
UNBOUNDED = 10**9


@dataclass(frozen=True)
class Most:
    """How much may be drawn of a study.

    Attributes:
        ridges: Histograms in all, at most about.
        trials: Trials, at most.
        layers: Layers, at most.
        epochs: Reports of each trial, at most.
    """

    ridges: int = UNBOUNDED
    trials: int = 40
    layers: int = 24
    epochs: int = 30


@dataclass(frozen=True)
class Choice:
    """What is drawn of a study.

    Attributes:
        trials: Rows of `ranking.table`, the smallest λ first.
        layers: Names of parameters, in the module's order.
        epochs: How many reports of each trial, at most.
        note: What is left out, in words; "" if nothing is.
    """

    trials: pd.DataFrame
    layers: tuple[str, ...]
    epochs: int
    note: str


def choice(data: StudyData, most: Most) -> Choice:
    """Returns which trials, layers and epochs are drawn of a study's weights."""
    frame = weighed(data).sort_values(["lam", "number"])
    names = list(dict.fromkeys(name for weights in data.weights.values() for name in weights))
    reports = max(map(reports_of, data.weights.values()), default=0)
    trials, layers, epochs = _sizes((len(frame), len(names), reports), most)
    left_out = [
        _part(trials, len(frame), "trials, evenly over λ"),
        _part(layers, len(names), "layers"),
        _part(epochs, reports, "validation epochs"),
    ]
    parts = "; ".join(part for part in left_out if part)
    return Choice(
        trials=frame.iloc[_positions(frame, trials)],
        layers=tuple(names[i] for i in evenly(len(names), layers)),
        epochs=epochs,
        note=f"Shown: {parts}." if parts else "",
    )


def weighed(data: StudyData) -> pd.DataFrame:
    """Returns the trials that have histograms, as `ranking.table` does."""
    frame = table(data)
    has_weights = [bool(data.weights.get(int(number))) for number in frame["number"]]
    return frame.loc[np.array(has_weights, dtype=bool)]


def _part(kept: int, of: int, noun: str) -> str:
    return f"{kept} of {of:,} {noun}" if kept < of else ""


def _sizes(found: tuple[int, int, int], most: Most) -> tuple[int, int, int]:
    """Returns how many trials, layers and epochs are kept: epochs go first, then layers."""
    trials, layers = min(found[0], most.trials), min(found[1], most.layers)
    layers = min(layers, max(1, most.ridges // max(1, FEWEST_EPOCHS * trials)))
    trials = min(trials, max(1, most.ridges // max(1, FEWEST_EPOCHS * layers)))
    epochs = max(FEWEST_EPOCHS, most.ridges // max(1, trials * layers))
    return trials, layers, min(found[2], most.epochs, epochs)


def _positions(frame: pd.DataFrame, most: int) -> list[int]:
    """Returns evenly spaced rows; the best trial takes the place of the one nearest to it."""
    kept = evenly(len(frame), most)
    best = complete(frame)["number"].head(1).to_list()
    if best and kept:
        place = frame["number"].to_list().index(best[0])
        nearest = min(range(len(kept)), key=lambda i: abs(kept[i] - place))
        kept[nearest] = place
    return kept
