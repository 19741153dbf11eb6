"""The regularization path: what a stronger penalty does to each layer, kind by kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure, Scatter
from plotly.subplots import make_subplots

from regsearch.figures.axes import lam_axis, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.labels import ending, plain, strength
from regsearch.figures.ranking import complete, kinds, representative, table
from regsearch.figures.sparsity import layers_of
from regsearch.figures.strengths import beyond_note, is_usual, usual
from regsearch.figures.theme import LAYER_COLORS, TEMPLATE, nothing, penalty_color
from regsearch.figures.trends import Floats, trend

NORMS = "weight_norm/"
_MOST_LAYERS = 12
_PANEL = 165
_JOINED = 25  # so many trials are joined as they are; more are smoothed
_NEAR = 10  # over so many
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")


def path(data: StudyData) -> Figure:
    """Returns each layer's weight norm against λ, one line a layer and one panel a kind."""
    layers = layers_of(data, NORMS)
    done = _finite(complete(table(data)), layers)
    rows = done[done["lam"] > 0].sort_values("lam")
    rows = rows[rows[[NORMS + layer for layer in layers]].notna().any(axis=1)]
    if not layers or rows.empty:
        return nothing("No complete trial with a penalty has reported the norms of its layers.")
    panels = kinds(rows)
    drawn = [layers[i] for i in sorted(representative(range(len(layers)), _MOST_LAYERS))]
    figure = _panels(panels)
    whole = _whole(done, drawn)
    for place, kind in enumerate(panels, start=1):
        own = rows[rows["penalty"] == kind]
        for depth, layer in enumerate(drawn):
            for trace in _lines(own, layer, whole[layer], depth / max(len(drawn) - 1, 1)):
                trace.showlegend = bool(trace.showlegend) and place == 1
                figure.add_trace(trace, row=place, col=1)
    ends = usual(rows["lam"])
    figure.update_xaxes(lam_axis(ends, title=""))
    note = f"{len(drawn)} of {len(layers)} layers drawn" if len(drawn) < len(layers) else ""
    title = with_note(
        "λ, strength of the penalty (log scale)", note, beyond_note(rows["lam"], ends)
    )
    figure.update_xaxes(title_text=title, row=len(panels), col=1)
    highest = np.nanmax([1.0, *((rows[NORMS + layer] / whole[layer]).max() for layer in drawn)])
    figure.update_yaxes(tickformat=".0%", range=[-0.04, 1.08 * float(highest)], nticks=5)
    return figure


def _finite(rows: pd.DataFrame, layers: list[str]) -> pd.DataFrame:
    """Returns the trials without the norms of layers that overflowed."""
    columns = [NORMS + layer for layer in layers]
    norms = rows[columns].apply(pd.to_numeric, errors="coerce")
    return rows.assign(**norms.where(np.isfinite(norms)))


def _panels(panels: list[str]) -> Figure:
    titles = [plain(kind, 30) for kind in panels]
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=min(0.12, 0.3 / len(panels)),
        subplot_titles=titles,
    )
    height = 110 + _PANEL * len(panels) + (90 if len(panels) == 1 else 0)
    figure.update_layout(template=TEMPLATE, height=height, legend={"y": 1 + 34 / height})
    for kind, title in zip(panels, figure.layout.annotations, strict=True):
        title.update(x=0, xanchor="left", font={"size": 12.5, "color": penalty_color(kind)})
        title.text = f"<b>{title.text}</b>"
    return figure


def _whole(rows: pd.DataFrame, layers: list[str]) -> dict[str, float]:
    """Returns the norm of each layer that is called 100 %: without a penalty, or the largest."""
    columns = [NORMS + layer for layer in layers]
    free = rows[rows["lam"] == 0][columns].median()
    norms = free.where(free > 0, rows[columns].max())
    return {layer: float(norms[NORMS + layer]) or 1.0 for layer in layers}


def _lines(rows: pd.DataFrame, layer: str, whole: float, depth: float) -> list[Scatter]:
    """Returns a layer's trials and the line through them."""
    own = rows.dropna(subset=[NORMS + layer])
    shares = own[NORMS + layer].to_numpy(dtype=float) / whole
    color = LAYER_COLORS[round(depth * (len(LAYER_COLORS) - 1))]
    lams = own["lam"].to_numpy(dtype=float)
    ends = _joined(lams, shares)
    told = [f"#{n}, λ {strength(v)}" for n, v in zip(own["number"], lams, strict=True)]
    points = Scatter(
        x=lams,
        y=shares,
        mode="markers",
        legendgroup=layer,
        showlegend=False,
        marker={"color": color, "size": 5, "opacity": 0.55},
        hovertext=told,
        hovertemplate=f"{plain(layer, 40)}<br>%{{hovertext}}: %{{y:.0%}}<extra></extra>",
    )
    line = Scatter(
        x=ends[0],
        y=ends[1],
        mode="lines",
        name=ending(layer, 24),
        legendgroup=layer,
        showlegend=True,
        line={"color": color, "width": 2.5},
        hoverinfo="skip",
    )
    return [points, line]


def _joined(lams: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Returns the line through a layer's trials: few are joined, many are smoothed."""
    if len(lams) <= _JOINED:
        return lams, shares
    near = is_usual(lams, usual(lams))
    x, y = trend(np.log10(lams[near]), shares[near], _NEAR / len(lams))
    return (10**x, y) if len(x) else (lams, shares)
