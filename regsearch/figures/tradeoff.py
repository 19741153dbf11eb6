"""Sparsity against the monitored metric: what each share of zeros costs."""

from __future__ import annotations

import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import clipping_note, scale_of, value_title, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.points import add_points, best_mark
from regsearch.figures.ranking import SPARSITY, complete, front, table
from regsearch.figures.theme import INK, canvas, nothing

SHARE_AXIS = {"tickformat": ".0%", "range": [-0.03, 1.03]}
ZEROS = "weights that are exactly zero"


def tradeoff(data: StudyData) -> Figure:
    """Returns the trials' share of exact zeros against their value, with the front."""
    frame = table(data)
    drawn = frame.dropna(subset=[SPARSITY, "value"])
    if drawn.empty:
        return nothing(f"No trial has reported {SPARSITY} and a value of the monitored metric.")
    scale = scale_of(drawn["value"], data.direction)
    figure = canvas()
    add_points(figure, data, drawn, SPARSITY, scale)
    edge = front(frame)
    if len(edge):
        line = {"color": INK, "width": 2}
        figure.add_trace(front_line(edge, scale.clipped(edge["value"]), "front", line))
    best = complete(drawn).head(1)
    if len(best):
        at = float(best[SPARSITY].iloc[0]), float(scale.clipped(best["value"])[0])
        figure.add_trace(best_mark(*at, name="best trial"))
    note = clipping_note(scale, drawn["value"])
    figure.update_xaxes(title_text=with_note(ZEROS, note), **SHARE_AXIS)
    figure.update_yaxes(title_text=value_title(data, scale.is_log), **scale.axis())
    return figure


def front_line(edge: pd.DataFrame, values: object, name: str, line: dict[str, object]) -> Scatter:
    """Returns the front as steps: between two trials, only what the sparser one has is had.

    Args:
        edge: The front's trials, from `ranking.front`.
        values: Their values as drawn.
        name: Its entry in the legend.
        line: How the line looks.
    """
    return Scatter(
        x=edge[SPARSITY],
        y=values,
        mode="lines",
        name=name,
        line={"shape": "hv", **line},
        hoverinfo="skip",
    )
