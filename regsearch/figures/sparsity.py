"""Where the zeros come from: the share of exact zeros by epoch, and by layer."""

from __future__ import annotations

import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import with_note
from regsearch.figures.data import StudyData
from regsearch.figures.epochs import (
    EPOCH,
    add_faint,
    add_strong,
    chosen,
    curve,
    reports,
    trial_name,
)
from regsearch.figures.labels import ending, plain, share
from regsearch.figures.ranking import SPARSITY, Row, best_of_kinds, representative, rows_of, table
from regsearch.figures.theme import GRID, HEIGHT, canvas, nothing, penalty_color
from regsearch.figures.tradeoff import SHARE_AXIS, ZEROS

_FAMILY = "sparsity/"
_MOST_LAYERS = 24
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "pentagon")


def sparsity_by_epoch(data: StudyData) -> Figure:
    """Returns the share of exact zeros by epoch, the best trial of each kind strong."""
    told = reports(data, [SPARSITY]).rename(columns={SPARSITY: "y"})
    if told.empty:
        return nothing(f"No trial has reported {SPARSITY} by epoch.")
    shown = chosen(data, SPARSITY)
    figure = canvas()
    add_faint(figure, shown.others, told)
    for row in shown.best_last:
        add_strong(figure, row, curve(told, row["number"]))
    figure.update_xaxes(title_text=with_note(EPOCH, shown.note))
    figure.update_yaxes(title_text=ZEROS, **SHARE_AXIS)
    return figure


def layers_of(data: StudyData, family: str = _FAMILY) -> list[str]:
    """Returns the parameters that trials tell of, in the module's order where it is known."""
    names = [
        str(name).removeprefix(family)
        for name in data.trials.columns
        if str(name).startswith(family)
    ]
    known = [name for weights in data.weights.values() for name in weights]
    order = {name: place for place, name in enumerate(dict.fromkeys(known))}
    ranked = sorted(names, key=lambda name: order.get(name, len(order)))
    return [name for name in ranked if name != "all"]


def sparsity_by_layer(data: StudyData) -> Figure:
    """Returns the share of exact zeros in each layer of the best trial of each kind."""
    layers = layers_of(data)
    best = best_of_kinds(table(data))
    if not layers or best.empty:
        return nothing("No complete trial has reported the zeros of its layers.")
    drawn = [layers[i] for i in sorted(representative(range(len(layers)), _MOST_LAYERS))]
    figure = canvas(height=max(HEIGHT, 130 + 16 * len(drawn)))
    for place, row in enumerate(rows_of(best)):
        figure.add_trace(_dots(row, drawn, _SYMBOLS[place % len(_SYMBOLS)]))
    note = f"{len(drawn)} of {len(layers)} layers drawn" if len(drawn) < len(layers) else ""
    figure.update_xaxes(title_text=with_note(ZEROS, note), **SHARE_AXIS)
    figure.update_yaxes(
        tickvals=[*range(len(drawn))],
        ticktext=[ending(layer, 28) for layer in drawn],
        range=[len(drawn) - 0.4, -0.6],
        gridcolor=GRID,
    )
    return figure


def _dots(row: Row, layers: list[str], symbol: str) -> Scatter:
    values = pd.to_numeric(pd.Series([row[_FAMILY + layer] for layer in layers]), errors="coerce")
    return Scatter(
        x=values,
        y=[*range(len(layers))],
        mode="markers",
        name=trial_name(row),
        marker={"color": penalty_color(str(row["penalty"])), "symbol": symbol, "size": 11},
        hovertext=[f"{plain(a)}: {share(v)}" for a, v in zip(layers, values, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )
