"""Parallel coordinates: every trial a line through its settings to its value.

Drawn as ordinary lines instead of Plotly's own kind, which needs WebGL, cannot make the good trials
stand out and does not say what a line is when pointed at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import with_note
from regsearch.figures.data import StudyData
from regsearch.figures.dimensions import Dimension, dimensions_of
from regsearch.figures.labels import plain
from regsearch.figures.points import descriptions
from regsearch.figures.ranking import complete, kinds, representative, table
from regsearch.figures.theme import INK, LINE, MUTED, PAPER, canvas, faded, nothing, penalty_color

_MOST = 150
_GOOD = 0.1  # this share of the trials is drawn strong


def parallel(data: StudyData) -> Figure:
    """Returns a line for each complete trial, the best tenth strong and the rest faint."""
    ranked = complete(table(data))
    if len(ranked) < 2:
        return nothing("Parallel coordinates need two complete trials.")
    rows = ranked.iloc[representative(range(len(ranked)), _MOST)]
    dimensions = dimensions_of(data, rows)
    places = np.array([dimension.places for dimension in dimensions]).T
    good = np.arange(len(rows)) < max(1, round(_GOOD * len(rows)))
    figure = canvas(height=400)
    longest = max(len(name) for name in dimensions[0].names)
    figure.update_layout(margin={"l": max(8, 7 * longest - 55), "r": 8, "t": 0, "b": 8})
    for kind in kinds(rows):
        is_kind = (rows["penalty"] == kind).to_numpy()
        _add_lines(figure, kind, places[is_kind & ~good], rows[is_kind & ~good], data)
    for kind in kinds(rows):
        is_kind = (rows["penalty"] == kind).to_numpy()
        _add_lines(figure, kind, places[is_kind & good], rows[is_kind & good], data, strong=True)
    _add_axes(figure, dimensions)
    if len(rows) < len(ranked):
        note = f"{len(rows)} of {len(ranked):,} complete trials drawn"
        figure.update_xaxes(title_text=with_note("", note))
    return figure


def _add_lines(
    figure: Figure,
    kind: str,
    places: NDArray[np.float64],
    rows: pd.DataFrame,
    data: StudyData,
    *,
    strong: bool = False,
) -> None:
    """Adds a kind's trials as one trace, broken between two of them."""
    width = places.shape[1] + 1
    color = penalty_color(kind)
    broken = np.column_stack([places, np.full(len(places), np.nan)]).ravel()
    steps = np.tile(np.append(np.arange(width - 1.0), np.nan), len(places))
    told = [text for text in descriptions(data, rows) for _ in range(width)]
    line = {"color": color if strong else faded(color, 0.35), "width": 2.2 if strong else 1}
    figure.add_trace(
        Scatter(
            x=steps,
            y=broken,
            mode="lines+markers",
            marker={"size": 5 if strong else 3, "color": line["color"]},
            line=line,
            name=plain(kind, 24),
            legendgroup=kind,
            showlegend=False,
            hovertext=told,
            hoverinfo="text",
        )
    )


def _add_axes(figure: Figure, dimensions: list[Dimension]) -> None:
    """Draws the upright axes and names their ticks to their left."""
    words = [_title(x, dimension) for x, dimension in enumerate(dimensions)]
    for x, dimension in enumerate(dimensions):
        words += [_tick(x, *tick) for tick in zip(dimension.ticks, dimension.names, strict=True)]
    figure.update_layout(annotations=words, shapes=[_upright(x) for x in range(len(dimensions))])
    last = len(dimensions) - 1
    nothing_else = {"showticklabels": False, "showgrid": False, "ticks": ""}
    figure.update_xaxes(range=[-0.45, last + 0.4], **nothing_else)
    figure.update_yaxes(visible=False, range=[-0.04, 1.2])


def _upright(x: int) -> dict[str, Any]:
    line = {"color": LINE, "width": 1.5}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line, "layer": "below"}


def _title(x: int, dimension: Dimension) -> dict[str, Any]:
    font = {"size": 12, "color": INK}
    place = {"x": x, "y": 1.03, "yanchor": "bottom", "showarrow": False}
    return {**place, "text": dimension.title, "font": font}


def _tick(x: int, at: float, name: str) -> dict[str, Any]:
    place = {"x": x, "y": at, "xanchor": "right", "xshift": -6, "showarrow": False}
    font = {"size": 11, "color": MUTED}
    return {**place, "text": name, "font": font, "bgcolor": faded(PAPER, 0.75), "borderpad": 1}
