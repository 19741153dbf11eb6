"""What pruning saved: how many trials were still training at each validation epoch.

A step counts reports, of which there is one a validation; between two there may be several epochs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import with_note
from regsearch.figures.data import StudyData
from regsearch.figures.epochs import EPOCH
from regsearch.figures.labels import plain, share
from regsearch.figures.ranking import kinds, table
from regsearch.figures.theme import MUTED, canvas, faded, nothing, penalty_color


class Savings(NamedTuple):
    """Validation epochs of the trials that ended by themselves or were pruned.

    Attributes:
        trained: How many were trained.
        planned: How many there would have been without pruning.
    """

    trained: int
    planned: int

    @property
    def share(self) -> float:
        """The share of the planned epochs that was not trained; 0 if none was planned."""
        return 1 - self.trained / self.planned if self.planned else 0.0


def epochs_of(data: StudyData) -> pd.DataFrame:
    """Returns `number, penalty, state, epochs` of the complete and pruned trials with reports."""
    frame = table(data)
    ended = frame[frame["state"].isin(["complete", "pruned"])]
    if not {"trial", "step"} <= {*data.curves.columns}:
        return ended.head(0).assign(epochs=0)
    last = data.curves.groupby("trial")["step"].max() + 1
    epochs = ended["number"].map(last)
    return ended.assign(epochs=epochs)[epochs.notna()].astype({"epochs": int})


def savings_of(data: StudyData) -> Savings:
    """Returns what was trained, of what it would have been had pruned trials been the longest."""
    frame = epochs_of(data)
    epochs, pruned = frame["epochs"], frame["state"] == "pruned"
    without = epochs.where(~pruned, epochs.max())
    return Savings(int(epochs.sum()), int(without.sum()))


def savings(data: StudyData) -> Figure:
    """Returns the trials still training at each epoch, stacked by penalty."""
    frame = epochs_of(data)
    if frame.empty:
        return nothing("No trial has ended with reports by epoch.")
    found = savings_of(data)
    longest = int(frame["epochs"].max())
    figure = canvas()
    epochs = np.arange(longest + 1)
    for kind in kinds(frame):
        lengths = frame[frame["penalty"] == kind]["epochs"].to_numpy()
        figure.add_trace(_band(kind, epochs, (lengths[None, :] >= epochs[1:, None]).sum(axis=1)))
    figure.add_hline(len(frame), line={"color": MUTED, "width": 1.5, "dash": "dash"})
    note = f"{share(found.share)} of {found.planned:,} {EPOCH}s were not trained"
    figure.update_xaxes(title_text=with_note(f"{EPOCH}s trained", note), range=[0, longest])
    figure.update_yaxes(title_text="trials still training", range=[0, 1.08 * len(frame)])
    return figure


def _band(kind: str, epochs: np.ndarray, training: np.ndarray) -> Scatter:
    color = penalty_color(kind)
    return Scatter(
        x=epochs,
        y=np.append(training, training[-1:]),
        mode="lines",
        stackgroup="trials",
        name=plain(kind, 24),
        line={"shape": "hv", "width": 1, "color": color},
        fillcolor=faded(color, 0.6),
        hovertemplate=EPOCH + " %{x}: %{y}<extra>" + plain(kind, 24) + "</extra>",
    )
