"""λ and l1_ratio together: where on the map of an elastic net the good trials lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.graph_objects import Contour, Figure, Scatter

from regsearch.figures.axes import Scale, lam_axis, log_ticks, scale_of, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.labels import plain
from regsearch.figures.points import descriptions
from regsearch.figures.ranking import complete, sign, table
from regsearch.figures.strengths import beyond_note, is_usual, usual
from regsearch.figures.theme import canvas, nothing
from regsearch.figures.trends import Floats

FEWEST = 6
_CELLS = 48
_SCALE = "Cividis"  # made to look the same with any colour vision
_RING = "white"  # on a map that is the same on light and dark pages
_REACH = 0.16  # of each axis: how far a trial is heard
_SILENT = 0.05  # below this weight nothing is known, so nothing is drawn


def contour(data: StudyData) -> Figure:
    """Returns a smooth map of the value over λ and l1_ratio, and the trials it was made from."""
    rows = complete(table(data)).query("lam > 0").dropna(subset=["l1_ratio"])
    every = rows[rows["penalty"] == _best_kind(rows)]
    ends = usual(every["lam"], every["lam"].head(1))
    rows = every[is_usual(every["lam"], ends)]
    if len(rows) < FEWEST or rows["lam"].nunique() < 3 or rows["l1_ratio"].nunique() < 3:
        return nothing(f"The map needs {FEWEST} complete trials of a penalty that has an l1_ratio.")
    scale = scale_of(rows["value"], data.direction)
    heights = _heights(rows["value"], scale)
    shades = _shades(data, heights, scale)
    figure = canvas(height=430)
    figure.add_trace(_map(rows, heights, shades))
    figure.add_trace(_trials(data, rows, heights, shades))
    figure.add_trace(_star(rows.head(1)))
    kind = plain(rows["penalty"].iloc[0], 24)
    title = with_note(f"λ of {kind} (log scale)", beyond_note(every["lam"], ends))
    figure.update_xaxes(lam_axis(ends, title=title), showgrid=False)
    figure.update_yaxes(title_text="l1_ratio (0: all L2, 1: all L1)", showgrid=False)
    if "group" in kind:
        figure.update_yaxes(title_text="l1_ratio (0: all groups, 1: all L1)")
    return figure


def _star(best: pd.DataFrame) -> Scatter:
    return Scatter(
        x=best["lam"],
        y=best["l1_ratio"],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={
            "symbol": "star",
            "size": 19,
            "color": _RING,
            "line": {"width": 2, "color": "black"},
        },
    )


def _best_kind(rows: pd.DataFrame) -> str:
    return str(rows["penalty"].iloc[0]) if len(rows) else ""


def _heights(values: pd.Series, scale: Scale) -> Floats:
    shown = scale.clipped(values)
    return np.log10(shown) if scale.is_log else shown


@dataclass(frozen=True)
class Shades:
    """The colours of values: the better, the brighter.

    Attributes:
        low: The height of the first colour.
        high: The height of the last colour.
        is_reversed: Whether low heights are bright.
        bar: The key beside the map, as Plotly takes it.
    """

    low: float
    high: float
    is_reversed: bool
    bar: Mapping[str, Any]


def _shades(data: StudyData, heights: Floats, scale: Scale) -> Shades:
    low, high = float(heights.min()), float(heights.max())
    title = {"text": plain(data.monitor, 24), "side": "right", "font": {"size": 13}}
    bar: dict[str, Any] = {"title": title, "thickness": 12, "outlinewidth": 0}
    if scale.is_log:
        ticks = log_ticks(10**low, 10**high)
        bar |= {"tickvals": list(np.log10(ticks["tickvals"])), "ticktext": ticks["ticktext"]}
    return Shades(low, high, sign(data) > 0, bar)


def _map(rows: pd.DataFrame, heights: Floats, shades: Shades) -> Contour:
    x, y, z = surface(np.log10(rows["lam"]).to_numpy(), rows["l1_ratio"].to_numpy(), heights)
    return Contour(
        x=10**x,
        y=y,
        z=z,
        zmin=shades.low,
        zmax=shades.high,
        ncontours=14,
        connectgaps=False,
        line={"width": 0.5, "color": _RING},
        colorscale=_SCALE,
        reversescale=shades.is_reversed,
        colorbar=shades.bar,
        hoverinfo="skip",
    )


def surface(x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Returns a smooth surface through scattered points, NaN where none is near.

    The weighted mean of all points, with Gaussian weights of their distance in shares of each axis.

    Args:
        x: Where the points are, (n,).
        y: Where the points are, (n,).
        z: Their heights, (n,).

    Returns:
        The grid's places on both axes, (c,) each, and its heights, (c, c): rows are places on y.
    """
    places = [np.linspace(axis.min(), axis.max(), _CELLS) for axis in (x, y)]
    near = [
        np.exp(-0.5 * ((grid[:, None] - axis) / (_REACH * np.ptp(axis))) ** 2)
        for grid, axis in zip(places, (x, y), strict=True)
    ]
    weights = near[1][:, None, :] * near[0][None, :, :]
    total = weights.sum(axis=2)
    heights = (weights @ z) / np.maximum(total, 1e-300)
    return places[0], places[1], np.where(total > _SILENT, heights, np.nan)


def _trials(data: StudyData, rows: pd.DataFrame, heights: Floats, shades: Shades) -> Scatter:
    return Scatter(
        x=rows["lam"],
        y=rows["l1_ratio"],
        mode="markers",
        showlegend=False,
        hovertext=descriptions(data, rows),
        hoverinfo="text",
        marker={
            "size": 9,
            "color": heights,
            "cmin": shades.low,
            "cmax": shades.high,
            "colorscale": _SCALE,
            "reversescale": shades.is_reversed,
            "line": {"width": 1.2, "color": _RING},
        },
    )
