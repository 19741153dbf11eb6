"""Learning curves: training against validation, and the gap between them."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.axes import Scale, scale_of, value_title, with_note
from regsearch.figures.data import StudyData
from regsearch.figures.epochs import EPOCH, add_faint, add_strong, chosen, curve, reports
from regsearch.figures.labels import count, plain
from regsearch.figures.theme import LINE, MUTED, canvas, nothing

DATA_LOSS = "loss/data"
_MOST_CLIPPED = 0.1
_FAR = 6.0  # times as far above the upper quartile as that is above the median


class Pair(NamedTuple):
    """The same quantity on data that was trained on, and on data that was not."""

    training: str
    validation: str


def pair_of(data: StudyData) -> Pair | None:
    """Returns the monitor with its training twin, or the losses; None where no two compare.

    The twin of `val_acc` is `train_acc` where the module logs it; of a minimised loss it is
    `loss/data`, the training loss without the penalty.
    """
    names = [*data.curves.columns]
    for prefix in ("val", "valid", "validation"):
        if data.monitor.startswith(prefix):
            for word in ("train", "training"):
                twin = word + data.monitor.removeprefix(prefix)
                if twin in names and twin != data.monitor:
                    return Pair(twin, data.monitor)
    losses = [data.monitor, *(n for n in names if n.startswith("val"))]
    comparable = [name for name in losses if "loss" in name.lower() and name in names]
    return Pair(DATA_LOSS, comparable[0]) if comparable and DATA_LOSS in names else None


def curves(data: StudyData) -> Figure:
    """Returns validation curves of all trials and the training curves of the best ones."""
    shown = chosen(data, data.monitor)
    if shown.is_empty:
        return nothing(f"No trial has reported {data.monitor} by epoch.")
    told = reports(data, [data.monitor]).rename(columns={data.monitor: "y"})
    figure = canvas()
    add_faint(figure, shown.others, told)
    scale = scale_of(told["y"], data.direction, most=_MOST_CLIPPED)
    twin = pair_of(data)
    if twin and twin.validation == data.monitor and len(shown.best):
        seen = reports(data, [twin.training]).rename(columns={twin.training: "y"})
        seen = seen[seen["trial"].isin(shown.best["number"])]
        scale = _including(scale, seen["y"])
        figure.add_trace(_dotted(f"training ({plain(twin.training, 24)})"))
        for row in shown.best_last:
            add_strong(figure, row, curve(seen, row["number"]), dash="dot")
    for row in shown.best_last:
        add_strong(figure, row, curve(told, row["number"]))
    note = _beyond(told, scale)
    figure.update_xaxes(title_text=with_note(EPOCH, shown.note, note))
    figure.update_yaxes(title_text=value_title(data, scale.is_log), **scale.axis())
    return figure


def _including(scale: Scale, values: pd.Series) -> Scale:
    """Returns the scale with room for training curves, which end better than validation does."""
    if values.empty or (scale.is_log and values.min() <= 0):
        return scale
    low, high = scale.low, scale.high
    return Scale(scale.is_log, min(low, float(values.min())), max(high, float(values.max())))


def _dotted(name: str) -> Scatter:
    line = {"color": MUTED, "width": 2, "dash": "dot"}
    return Scatter(x=[None], y=[None], mode="lines", name=name, line=line)


def _beyond(told: pd.DataFrame, scale: Scale) -> str:
    trials = told[scale.outside(told["y"])]["trial"].nunique()
    return f"{count(trials, 'line')} partly outside of what is drawn" if trials else ""


def gap(data: StudyData) -> Figure:
    """Returns how much worse trials are on validation data than on training data, by epoch."""
    twin = pair_of(data)
    if twin is None:
        return nothing(
            "The gap needs a training curve of the monitored metric: a loss has one by itself, "
            "another val_... metric needs a train_... metric that the module logs."
        )
    told = reports(data, list(twin))
    told = told.assign(y=told[twin.validation] - told[twin.training])
    if told.empty:
        return nothing(f"No trial has reported {twin.training} and {twin.validation} by epoch.")
    shown = chosen(data, twin.validation)
    figure = canvas()
    add_faint(figure, shown.others, told)
    for row in shown.best_last:
        add_strong(figure, row, curve(told, row["number"]))
    figure.add_hline(0, line={"color": LINE, "width": 1.5}, layer="below")
    scale = _around_zero(told["y"])
    note = _beyond(told, scale)
    figure.update_xaxes(title_text=with_note(EPOCH, shown.note, note))
    title = f"{plain(twin.validation, 20)} − {plain(twin.training, 20)}"
    figure.update_yaxes(title_text=title, **scale.axis())
    return figure


def _around_zero(gaps: pd.Series) -> Scale:
    """Returns a scale with zero on it, without the ends of first epochs and bad trials."""
    low, middle, upper = (float(end) for end in gaps.quantile([0.1, 0.5, 0.75]))
    low, high = 1.1 * low, 1.1 * min(float(gaps.max()), upper + _FAR * (upper - middle))
    depth = max(-low, min(0.35 * high, -float(gaps.min())))
    return Scale(is_log=False, low=min(0.0, -depth), high=max(0.0, high))
