"""Trials as points, alike in every figure.

Coloured by penalty, pruned ones hollow, outliers at the rim as triangles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import Scale
from regsearch.figures.data import StudyData
from regsearch.figures.labels import measured, number, plain, share, strength
from regsearch.figures.ranking import SPARSITY, Row, kinds, rows_of
from regsearch.figures.theme import INK, MUTED, PAPER, penalty_color

MARKER = 9
_FINISHED = {
    "symbol": "circle",
    "size": MARKER,
    "opacity": 0.9,
    "line": {"width": 1, "color": PAPER},
}
_STOPPED = {"symbol": "circle-open", "size": MARKER - 3, "opacity": 0.55, "line": {"width": 1.2}}


def add_points(figure: Figure, data: StudyData, frame: pd.DataFrame, x: str, scale: Scale) -> None:
    """Adds the trials that have a value, the pruned ones behind the complete ones.

    Args:
        figure: Where to.
        data: The study.
        frame: Its trials, from `ranking.table`.
        x: The column that stands on the horizontal axis.
        scale: The vertical axis.
    """
    drawn = frame.dropna(subset=[x, "value"])
    stopped = drawn[drawn["state"] != "complete"]
    for kind in kinds(stopped):
        figure.add_trace(_cloud(data, stopped[stopped["penalty"] == kind], x, scale, _STOPPED))
    finished = drawn[drawn["state"] == "complete"]
    for kind in kinds(finished):
        figure.add_trace(_cloud(data, finished[finished["penalty"] == kind], x, scale, _FINISHED))
    for kind in kinds(drawn):
        entry = legend_entry(plain(kind, 24), "circle", penalty_color(kind))
        figure.add_trace(entry.update(legendgroup=kind))
    if len(stopped):
        is_pruned = (stopped["state"] == "pruned").all()
        name = "pruned" if is_pruned else "not finished"
        figure.add_trace(legend_entry(name, "circle-open", MUTED))


def _cloud(
    data: StudyData, rows: pd.DataFrame, x: str, scale: Scale, marker: dict[str, Any]
) -> Scatter:
    kind = str(rows["penalty"].iloc[0])
    shapes = symbols(rows, scale, marker["symbol"])
    return Scatter(
        x=rows[x].to_numpy(dtype=float),
        y=scale.clipped(rows["value"]),
        hovertext=descriptions(data, rows),
        hoverinfo="text",
        mode="markers",
        legendgroup=kind,
        showlegend=False,
        marker={**marker, "symbol": shapes, "color": penalty_color(kind)},
    )


def symbols(rows: pd.DataFrame, scale: Scale, inside: str) -> list[str]:
    """Returns each trial's shape: that of all, or a triangle that points to where it is.

    Args:
        rows: The trials.
        scale: The axis of their values.
        inside: The shape of those that it shows where they are.
    """
    values = rows["value"].to_numpy(dtype=float)
    ending = "-open" if inside.endswith("-open") else ""
    rims = [f"triangle-{'up' if value > scale.high else 'down'}{ending}" for value in values]
    return [rim if out else inside for rim, out in zip(rims, scale.outside(values), strict=True)]


def legend_entry(name: str, symbol: str, color: str) -> Scatter:
    """Returns a trace that is nothing but a line of the legend."""
    return Scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "color": color, "size": MARKER},
    )


def best_mark(x: float, y: float, name: str = "best") -> Scatter:
    """Returns the ring around the best trial."""
    return Scatter(
        x=[x],
        y=[y],
        mode="markers",
        name=name,
        hoverinfo="skip",
        marker={
            "size": MARKER + 9,
            "symbol": "circle-open",
            "color": INK,
            "line": {"width": 2, "color": INK},
        },
    )


def descriptions(data: StudyData, rows: pd.DataFrame) -> list[str]:
    """Returns what a reader is told of each trial when pointing at it."""
    return [_description(data, row) for row in rows_of(rows)]


def _description(data: StudyData, row: Row) -> str:
    reason = f": {plain(row['reason'], 40)}" if row["reason"] else ""
    is_done = row["state"] == "complete"
    lines = [
        f"<b>#{row['number']} · {plain(row['penalty'], 24)}</b>",
        setting(row, data.extras),
        f"{plain(data.monitor, 28)} {measured(row['value'])}",
        f"{share(row[SPARSITY])} of the weights are zero" if number(row[SPARSITY]) != "–" else "",
        "" if is_done else f"{row['state']}{reason}",
    ]
    return "<br>".join(line for line in lines if line)


def setting(row: Row, extras: Sequence[str]) -> str:
    """Returns a trial's hyperparameters on one line, but for the kind of penalty."""
    lam, ratio = row["lam"], row["l1_ratio"]
    parts = ["no penalty"] if lam == 0 else [f"λ {strength(lam)}"] if lam == lam else []
    parts += [f"l1_ratio {number(ratio, 2)}"] if number(ratio) != "–" else []
    parts += [f"{plain(name, 20)} {_extra(row[name])}" for name in extras if name in row]
    return ", ".join(parts)


def _extra(value: object) -> str:
    return number(value, 3) if isinstance(value, float) else plain(value, 20)
