"""Several studies over each other: their trials by λ and by sparsity, with curves and fronts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import Scale, clipping_note, lam_axis, scale_of, value_title, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.labels import plain
from regsearch.figures.points import descriptions, symbols
from regsearch.figures.ranking import SPARSITY, complete, front, table
from regsearch.figures.sides import Side, comparable
from regsearch.figures.strengths import beyond_note, usual
from regsearch.figures.theme import canvas, faded, nothing
from regsearch.figures.tradeoff import SHARE_AXIS, ZEROS, front_line
from regsearch.figures.validation import curve_of


def strengths(studies: Sequence[StudyData]) -> Figure:
    """Returns each study's trials by λ, and the validation curve of its best kind."""
    sides, note = comparable(studies)
    rows = {side.place: complete(table(side.data)).query("lam > 0") for side in sides}
    values = [value for frame in rows.values() for value in frame["value"]]
    if not values:
        return nothing("None of the studies has a complete trial with a penalty yet.")
    scale = scale_of(values, sides[0].data.direction)
    figure = canvas()
    for side in sides:
        own = rows[side.place]
        if own.empty:
            continue
        figure.add_trace(_cloud(side, own, "lam", scale))
        _add_curve(figure, side, own, scale)
    lams = np.concatenate([frame["lam"].to_numpy() for frame in rows.values()])
    ends = usual(lams, [float(lam) for frame in rows.values() for lam in frame["lam"].head(1)])
    axis = lam_axis(ends)
    notes = (clipping_note(scale, values), beyond_note(lams, ends), note)
    axis["title"] = {"text": with_note(axis["title"]["text"], *notes)}
    figure.update_xaxes(axis)
    figure.update_yaxes(title_text=value_title(sides[0].data, scale.is_log), **scale.axis())
    return figure


def _add_curve(figure: Figure, side: Side, rows: pd.DataFrame, scale: Scale) -> None:
    """Adds the validation curve of the study's best kind."""
    kind = str(rows["penalty"].iloc[0])
    found = curve_of(side.data, rows, kind, scale)
    if found is None:
        return
    figure.add_trace(
        Scatter(
            x=found.lams,
            y=found.values,
            mode="lines",
            legendgroup=side.label,
            showlegend=False,
            line={"color": side.color, "width": 2, "dash": side.dash},
            hoverinfo="text",
            hovertext=f"{side.name}: {plain(kind, 24)}",
        )
    )


def fronts(studies: Sequence[StudyData]) -> Figure:
    """Returns each study's trials and the front of sparsity against value."""
    sides, note = comparable(studies)
    rows = {side.place: complete(table(side.data)).dropna(subset=[SPARSITY]) for side in sides}
    values = [value for frame in rows.values() for value in frame["value"]]
    if not values:
        return nothing(f"None of the studies has a complete trial that has reported {SPARSITY}.")
    scale = scale_of(values, sides[0].data.direction)
    figure = canvas()
    for side in sides:
        own = rows[side.place]
        if own.empty:
            continue
        figure.add_trace(_cloud(side, own, SPARSITY, scale))
        edge = front(own)
        line = {"color": side.color, "width": 2.5, "dash": side.dash}
        line_trace = front_line(edge, scale.clipped(edge["value"]), side.name, line)
        figure.add_trace(line_trace.update(legendgroup=side.label, showlegend=False))
    figure.update_xaxes(
        title_text=with_note(ZEROS, clipping_note(scale, values), note), **SHARE_AXIS
    )
    figure.update_yaxes(title_text=value_title(sides[0].data, scale.is_log), **scale.axis())
    return figure


def _cloud(side: Side, rows: pd.DataFrame, x: str, scale: Scale) -> Scatter:
    return Scatter(
        x=rows[x],
        y=scale.clipped(rows["value"]),
        mode="markers",
        name=side.name,
        legendgroup=side.label,
        marker={
            "color": faded(side.color, 0.5),
            "symbol": symbols(rows, scale, side.symbol),
            "size": 8,
        },
        hovertext=[f"{side.name} {text}" for text in descriptions(side.data, rows)],
        hoverinfo="text",
    )
