"""Several studies by what they found, how fast, and how their best trials learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import clipping_note, scale_of, value_title, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.epochs import EPOCH, curve, reports
from regsearch.figures.history import best_so_far
from regsearch.figures.labels import measured, plain
from regsearch.figures.points import descriptions, setting, symbols
from regsearch.figures.ranking import best_of_kinds, complete, kinds, table
from regsearch.figures.repeats import Setting, best_setting, interval
from regsearch.figures.sides import Side, comparable
from regsearch.figures.theme import HEIGHT, canvas, nothing

_NONE_YET = "None of the studies has a complete trial yet."


def best_values(studies: Sequence[StudyData]) -> Figure:
    """Returns each study's best value, with a bootstrap interval where it was repeated."""
    sides, note = comparable(studies)
    found = [(side, best) for side in sides if (best := best_setting(side.data))]
    if not found:
        return nothing(_NONE_YET)
    figure = canvas(height=max(HEIGHT, 150 + 52 * len(found)))
    for place, (side, best) in enumerate(found):
        figure.add_trace(_best_mark(side, best, place))
    is_repeated = any(len(best.values) > 1 for _, best in found)
    spread = "bars: 95% bootstrap intervals" if is_repeated else "one run each: no intervals"
    title = value_title(found[0][0].data)
    figure.update_xaxes(title_text=with_note(title, spread, note), range=_range(found))
    figure.update_yaxes(
        tickvals=[*range(len(found))],
        ticktext=[f"{side.name}<br>{plain(best.row['penalty'], 20)}" for side, best in found],
        range=[len(found) - 0.4, -0.75],
        showgrid=False,
    )
    return figure


def _best_mark(side: Side, best: Setting, place: int) -> Scatter:
    low, high = interval(best.values) or (best.mean, best.mean)
    runs = f"mean of {len(best.values)} runs" if len(best.values) > 1 else "one run"
    where = f"{plain(best.row['penalty'], 20)}, {setting(best.row, side.data.extras)}"
    return Scatter(
        x=[best.mean],
        y=[place],
        mode="markers+text",
        text=[measured(best.mean)],
        textposition="top center",
        cliponaxis=False,
        marker={"color": side.color, "symbol": side.symbol, "size": 13},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - best.mean],
            "arrayminus": [best.mean - low],
            "thickness": 2,
            "width": 6,
        },
        showlegend=False,
        hovertext=f"<b>{side.name}</b><br>{where}<br>{runs}",
        hoverinfo="text",
    )


def _range(found: Sequence[tuple[Side, Setting]]) -> list[float]:
    ends = [end for _, best in found for end in (interval(best.values) or (best.mean,))]
    room = 0.18 * (max(ends) - min(ends)) or 0.1 * abs(ends[0]) or 1.0
    return [min(ends) - room, max(ends) + room]


def best_by_kind(studies: Sequence[StudyData]) -> Figure:
    """Returns the best value of each kind of penalty in each study."""
    sides, note = comparable(studies)
    best = [(side, best_of_kinds(table(side.data))) for side in sides]
    found = [(side, rows) for side, rows in best if len(rows)]
    if not found:
        return nothing(_NONE_YET)
    names = list(dict.fromkeys(k for side, _ in found for k in kinds(table(side.data))))
    values = np.concatenate([rows["value"].to_numpy(dtype=float) for _, rows in found])
    scale = scale_of(values, sides[0].data.direction)
    figure = canvas(height=max(HEIGHT, 150 + 52 * len(names)))
    for side, rows in found:
        figure.add_trace(
            Scatter(
                x=scale.clipped(rows["value"]),
                y=[plain(kind, 24) for kind in rows["penalty"]],
                mode="markers",
                name=side.name,
                marker={
                    "color": side.color,
                    "symbol": symbols(rows, scale, side.symbol),
                    "size": 12,
                },
                hovertext=[f"{side.name} {text}" for text in descriptions(side.data, rows)],
                hoverinfo="text",
            )
        )
    title = with_note(value_title(sides[0].data, scale.is_log), clipping_note(scale, values), note)
    figure.update_xaxes(title_text=title, **scale.axis())
    order = [plain(name, 24) for name in names]
    figure.update_yaxes(type="category", categoryarray=order[::-1], range=[-0.6, len(order) - 0.4])
    return figure


def histories(studies: Sequence[StudyData]) -> Figure:
    """Returns each study's best value so far, by trial."""
    sides, note = comparable(studies)
    lines = [(side, *best_so_far(side.data, table(side.data))) for side in sides]
    lines = [line for line in lines if len(line[1])]
    if not lines:
        return nothing(_NONE_YET)
    values = np.concatenate([values for _, _, values in lines])
    scale = scale_of(values, sides[0].data.direction)
    figure = canvas()
    for side, numbers, best in lines:
        figure.add_trace(
            Scatter(
                x=numbers + 1,
                y=scale.clipped(best),
                mode="lines",
                name=side.name,
                line={"shape": "hv", "color": side.color, "width": 2.5, "dash": side.dash},
                hovertemplate="after %{x} trials: %{y:.4g}<extra>" + side.name + "</extra>",
            )
        )
    last = max(float(numbers[-1]) for _, numbers, _ in lines) + 1
    room = 0.02 * last
    title = with_note("trials begun", note)
    figure.update_xaxes(title_text=title, range=[1 - room, last + room])
    figure.update_yaxes(title_text=value_title(sides[0].data, scale.is_log), **scale.axis())
    return figure


def learning(studies: Sequence[StudyData]) -> Figure:
    """Returns the validation curve of each study's best trial."""
    sides, note = comparable(studies)
    found = [(side, _best_curve(side)) for side in sides]
    found = [(side, rows) for side, rows in found if len(rows)]
    if not found:
        return nothing("None of the studies has a complete trial with values by epoch.")
    values = pd.concat([rows["y"] for _, rows in found])
    scale = scale_of(values, sides[0].data.direction, most=0.1)
    figure = canvas()
    for side, rows in found:
        figure.add_trace(
            Scatter(
                x=rows["step"],
                y=rows["y"],
                mode="lines" if len(rows) > 1 else "markers",
                name=side.name,
                line={"color": side.color, "width": 2.5, "dash": side.dash},
                hovertemplate=EPOCH + " %{x}: %{y:.4g}<extra>" + side.name + "</extra>",
            )
        )
    figure.update_xaxes(title_text=with_note(EPOCH, note))
    figure.update_yaxes(title_text=value_title(sides[0].data, scale.is_log), **scale.axis())
    return figure


def _best_curve(side: Side) -> pd.DataFrame:
    told = reports(side.data, [side.data.monitor]).rename(columns={side.data.monitor: "y"})
    best = complete(table(side.data))["number"].head(1).tolist()
    return curve(told, best[0]) if best else told.head(0)
