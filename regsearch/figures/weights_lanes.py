"""Ridgelines as a Plotly figure: a panel a layer, a lane a histogram, one over the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure, Scatter
from plotly.subplots import make_subplots

from regsearch.figures.labels import plain, share
from regsearch.figures.theme import GRID, INK, LINE, MUTED, PAPER, TEMPLATE, faded

_RISE = 3.2  # how many lanes the highest bin covers
_LANE = 17
_FEWEST_PIXELS = 260


@dataclass(frozen=True)
class Lane:
    """One histogram.

    Attributes:
        counts: Non-zero weights in each bin, (B,).
        zeros: The share of weights that are exactly zero.
        color: Its colour.
        opacity: Of its area.
        hover: What a reader is told when pointing at it, as markup.
    """

    counts: NDArray[np.float64]
    zeros: float
    color: str
    opacity: float
    hover: str


@dataclass(frozen=True)
class Panel:
    """One layer's histograms, the first at the bottom, in bins on [-limit, limit]."""

    title: str
    limit: float
    lanes: Sequence[Lane]


def lanes_figure(panels: Sequence[Panel], labels: Sequence[str], title: str) -> Figure:
    """Returns the panels side by side; `labels` name the lanes, `title` what they are."""
    figure = make_subplots(
        cols=len(panels),
        shared_yaxes=True,
        horizontal_spacing=0.16 / len(panels),
        subplot_titles=[plain(panel.title, 28) for panel in panels],
    )
    figure.update_annotations(font={"size": 12.5, "color": INK})
    height = max(_FEWEST_PIXELS, 130 + _LANE * len(labels))
    figure.update_layout(
        template=TEMPLATE, height=height, margin={"t": 56}, legend={"y": 1 + 24 / height}
    )
    for column, panel in enumerate(panels, start=1):
        _fill(figure, panel, column)
    figure.update_yaxes(
        range=[-0.6, len(labels) + _RISE - 0.6],
        showgrid=False,
        ticks="",
        tickvals=[*range(len(labels))],
        ticktext=[plain(label, 24) for label in labels],
        tickfont={"size": 11},
    )
    figure.update_yaxes(title_text=title, col=1)
    return figure


def _fill(figure: Figure, panel: Panel, column: int) -> None:
    peak = max((float(lane.counts.max(initial=0.0)) for lane in panel.lanes), default=0.0) or 1.0
    for place in reversed(range(len(panel.lanes))):
        figure.add_trace(_ridge(panel.lanes[place], panel.limit, place, peak), row=1, col=column)
    end = panel.limit or 1.0
    # Room at the right for the shares of zeros, in the same panel.
    figure.update_xaxes(
        range=[-1.04 * end, 1.42 * end],
        tickvals=_ticks(end),
        gridcolor=GRID,
        linecolor=LINE,
        title_text="weight",
        col=column,
    )
    figure.add_trace(_shares(panel, 1.4 * end), row=1, col=column)


def _ticks(end: float) -> list[float]:
    power = 10.0 ** np.floor(np.log10(end))
    step = next(s * power for s in (5, 2, 1) if s * power <= end)
    return [-step, 0.0, step]


def _ridge(lane: Lane, limit: float, place: int, peak: float) -> Scatter:
    bins = len(lane.counts)
    centres = (np.arange(bins) + 0.5) * (2 * limit / max(bins, 1)) - limit
    heights = place + _RISE * np.sqrt(np.maximum(lane.counts, 0.0) / peak)
    filled = np.flatnonzero(lane.counts)
    own = slice(max(filled[0] - 1, 0), filled[-1] + 2) if len(filled) else slice(0, 0)
    x, y = centres[own], heights[own]
    ends = {"x": [x[0], *x, x[-1]], "y": [place, *y, place]} if len(x) else {"x": [], "y": []}
    return Scatter(
        **ends,
        mode="lines",
        line={"color": PAPER, "width": 1},
        fill="toself",
        fillcolor=faded(lane.color, lane.opacity),
        showlegend=False,
        hoveron="fills",
        hoverinfo="text",
        text=lane.hover,
    )


def _shares(panel: Panel, x: float) -> Scatter:
    """Returns the shares of exact zeros, written at the right."""
    places = [*range(len(panel.lanes))]
    texts: list[Any] = [share(lane.zeros) for lane in panel.lanes]
    return Scatter(
        x=[x] * (len(places) + 1),
        y=[*places, len(places) + 0.4],
        text=[*texts, "zeros"],
        mode="text",
        textposition="middle left",
        textfont={"size": 10, "color": MUTED},
        showlegend=False,
        hoverinfo="skip",
    )
