"""λ against the monitored metric: where too weak a penalty turns into too strong a one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import Scale, clipping_note, lam_axis, scale_of, value_title, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.labels import measured, plain, strength
from regsearch.figures.points import add_points, best_mark, legend_entry
from regsearch.figures.ranking import complete, kinds, sign, table
from regsearch.figures.strengths import beyond_note, is_usual, usual
from regsearch.figures.theme import INK, MUTED, canvas, nothing, penalty_color
from regsearch.figures.trends import Floats, trend

_SHARE = 0.35  # of the trials are seen from a place on the curve
_WHOLE = 40  # of more trials than this, fewer: there the curve may bend more
_FEW = 12  # so many different λ are a grid: its best values are the curve


class Curve(NamedTuple):
    """A kind's validation curve.

    Attributes:
        kind: The kind of penalty.
        lams: Strengths, rising.
        values: The monitored metric there.
        at: Index of the best of them.
    """

    kind: str
    lams: Floats
    values: Floats
    at: int

    @property
    def is_at_edge(self) -> bool:
        """Whether the best λ is the smallest or the largest one."""
        return self.at in (0, len(self.lams) - 1)


def validation(data: StudyData) -> Figure:
    """Returns the trials' λ against their value, with a curve for each kind and its minimum."""
    frame = table(data)
    drawn = frame.dropna(subset=["lam", "value"]).query("lam > 0")
    if drawn.empty:
        return nothing("No trial with a penalty has a value of the monitored metric yet.")
    scale = scale_of(frame["value"].dropna(), data.direction)
    figure = canvas()
    curves = [curve for kind in kinds(frame) if (curve := curve_of(data, frame, kind, scale))]
    _add_baseline(figure, frame, scale)
    add_points(figure, data, drawn, "lam", scale)
    for curve in curves:
        _add_curve(figure, curve, scale)
    _add_best(figure, frame, scale)
    if curves:
        figure.add_trace(legend_entry("minimum of a curve", "diamond-open", INK))
    ends = usual(drawn["lam"], complete(frame)["lam"].head(1))
    notes = (
        clipping_note(scale, drawn["value"]),
        beyond_note(drawn["lam"], ends),
        _edge_note(curves, sign(data)),
    )
    figure.update_xaxes(lam_axis(ends))
    figure.update_xaxes(title_text=with_note(figure.layout.xaxis.title.text, *notes))
    figure.update_yaxes(title_text=value_title(data, scale.is_log), **scale.axis(above=0.1))
    _name_sides(figure, curves, sign(data))
    return figure


def curve_of(data: StudyData, frame: pd.DataFrame, kind: str, scale: Scale) -> Curve | None:
    """Returns the best values by λ where λ is a grid, else a smooth curve; None of too few."""
    rows = complete(frame).query("penalty == @kind and lam > 0").sort_values("lam")
    rows = rows[is_usual(rows["lam"], usual(rows["lam"], rows.sort_values("cost")["lam"].head(1)))]
    values = scale.clipped(rows["value"])
    lams = np.log10(rows["lam"].to_numpy(dtype=float))
    different = np.unique(lams)
    if len(different) < 3:
        return None
    costs = sign(data) * (np.log10(values) if scale.is_log else values)
    if len(different) <= _FEW and len(lams) > len(different):
        x, y = different, np.array([costs[lams == lam].min() for lam in different])
    else:
        x, y = trend(lams, costs, _SHARE * min(1.0, (_WHOLE / len(lams)) ** 0.5))
    if not len(x):
        return None
    level = sign(data) * y
    return Curve(kind, 10**x, 10**level if scale.is_log else level, int(y.argmin()))


def _add_curve(figure: Figure, curve: Curve, scale: Scale) -> None:
    color = penalty_color(curve.kind)
    figure.add_trace(
        Scatter(
            x=curve.lams,
            y=curve.values,
            mode="lines",
            line={"color": color, "width": 2.5},
            legendgroup=curve.kind,
            showlegend=False,
            hoverinfo="skip",
        )
    )
    at = curve.at
    figure.add_trace(
        Scatter(
            x=[curve.lams[at]],
            y=scale.clipped([curve.values[at]]),
            mode="markers",
            legendgroup=curve.kind,
            showlegend=False,
            marker={
                "symbol": "diamond",
                "size": 12,
                "color": color,
                "line": {"width": 2, "color": INK},
            },
            hoverinfo="text",
            hovertext=f"{plain(curve.kind, 24)}: the curve is best at λ {strength(curve.lams[at])}",
        )
    )


def _add_baseline(figure: Figure, frame: pd.DataFrame, scale: Scale) -> None:
    """Adds the best trial without a penalty: λ = 0 has no place on a logarithmic axis."""
    rows = complete(frame).query("lam == 0")
    if rows.empty:
        return
    value = float(scale.clipped(rows["value"].head(1))[0])
    figure.add_hline(value, line={"color": MUTED, "width": 1.5, "dash": "dash"}, layer="below")
    figure.add_trace(_line_entry(f"no penalty, {measured(float(rows['value'].iloc[0]))}"))


def _line_entry(name: str) -> Scatter:
    line = {"color": MUTED, "width": 1.5, "dash": "dash"}
    return Scatter(x=[None], y=[None], mode="lines", name=name, line=line)


def _add_best(figure: Figure, frame: pd.DataFrame, scale: Scale) -> None:
    best = complete(frame).head(1)
    if len(best) and float(best["lam"].iloc[0]) > 0:
        at = float(best["lam"].iloc[0]), float(scale.clipped(best["value"])[0])
        figure.add_trace(best_mark(*at, name="best trial"))


def _best_curve(curves: list[Curve], good: int) -> Curve | None:
    return min(curves, key=lambda c: good * c.values[c.at], default=None)


def _edge_note(curves: list[Curve], good: int) -> str:
    curve = _best_curve(curves, good)
    if curve is None or not curve.is_at_edge:
        return ""
    side = "weaker" if curve.at == 0 else "stronger"
    return f"{plain(curve.kind, 24)} is best at the edge of what was searched: try {side} ones"


def _name_sides(figure: Figure, curves: list[Curve], good: int) -> None:
    """Names what lies to the left and right of the best curve's minimum."""
    curve = _best_curve(curves, good)
    if curve is None or curve.is_at_edge:
        return
    lam = curve.lams[curve.at]
    figure.add_vline(lam, line={"color": MUTED, "width": 1, "dash": "dot"}, layer="below")
    for x, anchor, text in ((0.01, "left", "◀ overfitting"), (0.99, "right", "underfitting ▶")):
        figure.add_annotation(
            text=text,
            x=x,
            y=1,
            xref="paper",
            yref="paper",
            xanchor=anchor,
            yanchor="top",
            showarrow=False,
            font={"size": 12, "color": MUTED},
        )
