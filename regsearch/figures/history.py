"""The search as it went: each trial's value in the order they were tried, and the best so far."""

from __future__ import annotations

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import Scale, clipping_note, scale_of, value_title, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.points import add_points, descriptions, legend_entry
from regsearch.figures.ranking import complete, sign, table
from regsearch.figures.theme import INK, canvas, nothing
from regsearch.figures.trends import Floats
from regsearch.palette import PENALTY_COLORS

_FAILED = PENALTY_COLORS["weight_decay"]


def history(data: StudyData) -> Figure:
    """Returns the trials' values by number, pruned ones hollow, and the best so far."""
    frame = table(data)
    drawn = frame.dropna(subset=["value"])
    if drawn.empty:
        return nothing("No trial has a value of the monitored metric yet.")
    scale = scale_of(drawn["value"], data.direction)
    figure = canvas()
    add_points(figure, data, drawn, "number", scale)
    _add_failed(figure, data, frame, scale)
    numbers, values = best_so_far(data, frame)
    if len(numbers):
        line = {"shape": "hv", "color": INK, "width": 2}
        figure.add_trace(
            Scatter(
                x=numbers,
                y=scale.clipped(values),
                mode="lines",
                name="best so far",
                line=line,
                hoverinfo="skip",
            )
        )
    title = with_note("trial, in the order they began", clipping_note(scale, drawn["value"]))
    last = float(frame["number"].max())
    step = {"dtick": 1} if last < 9 else {}
    figure.update_xaxes(title_text=title, range=[-0.03 * last - 0.5, 1.03 * last + 0.5], **step)
    figure.update_yaxes(title_text=value_title(data, scale.is_log), **scale.axis())
    return figure


def best_so_far(data: StudyData, frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """Returns trial numbers and the best value of the complete trials up to each."""
    rows = complete(frame).sort_values("number")
    best = sign(data) * np.minimum.accumulate(rows["cost"].to_numpy(dtype=float))
    numbers = rows["number"].to_numpy(dtype=float)
    if not len(numbers):
        return numbers, best
    last = float(frame["number"].max())
    return np.append(numbers, last), np.append(best, best[-1])


def _add_failed(figure: Figure, data: StudyData, frame: pd.DataFrame, scale: Scale) -> None:
    """Marks trials that failed, on the rim where bad values are."""
    rows = frame[frame["state"] == "failed"]
    if rows.empty:
        return
    rim = scale.high if data.direction == "minimize" else scale.low
    figure.add_trace(
        Scatter(
            x=rows["number"],
            y=np.full(len(rows), rim),
            mode="markers",
            showlegend=False,
            marker={"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": _FAILED}},
            hovertext=descriptions(data, rows),
            hoverinfo="text",
        )
    )
    entry = legend_entry("failed", "x", _FAILED)
    figure.add_trace(entry)
