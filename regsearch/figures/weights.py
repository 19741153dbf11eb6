"""Weight histograms as figures: all trials by λ, and one trial by epoch.

The page's widget shows the same with a slider; these stand still, for a notebook or a paper.
"""

from __future__ import annotations

import numpy as np
from plotly.graph_objects import Figure

from regsearch.figures.axes import with_note
from regsearch.figures.data import StudyData
from regsearch.figures.epochs import EPOCH, trial_name
from regsearch.figures.labels import plain, share, strength
from regsearch.figures.points import legend_entry
from regsearch.figures.ranking import Row, complete, kinds, rows_of
from regsearch.figures.theme import nothing, penalty_color
from regsearch.figures.weights_choice import UNBOUNDED, Most, choice, weighed
from regsearch.figures.weights_lanes import Lane, Panel, lanes_figure
from regsearch.figures.weights_ridges import layer_ridges
from regsearch.ridges.bins import Ridges, evenly

MOST_EPOCHS = 30
MOST_PANELS = 3
NONE_YET = "No trial has reported histograms of its weights."


def weights_by_lambda(data: StudyData) -> Figure:
    """Returns every trial's weights at its last report, the smallest λ at the bottom.

    A lane's height is the square root of how many weights there are; those that are exactly zero
    are not in it, their share stands at the right. Of many trials and layers an even choice is
    drawn.
    """
    chosen = choice(data, Most(layers=MOST_PANELS, epochs=UNBOUNDED))
    rows = rows_of(chosen.trials)
    if not rows:
        return nothing(NONE_YET)
    panels = [_last_reports(data, rows, layer) for layer in chosen.layers]
    labels = [strength(row["lam"]) if row["lam"] > 0 else "none" for row in rows]
    figure = lanes_figure(panels, labels, "λ, strength of the penalty, one lane a trial")
    for kind in kinds(chosen.trials):
        figure.add_trace(legend_entry(plain(kind, 24), "square", penalty_color(kind)))
    figure.update_xaxes(title_text=with_note("weight", chosen.note), col=1)
    return figure


def weights_by_epoch(data: StudyData, number: int | None = None) -> Figure:
    """Returns one trial's weights, the first epoch at the top and the last in front of it.

    Args:
        data: The study.
        number: The trial; None for the best one.
    """
    row = _trial(data, number)
    if row is None:
        return nothing(NONE_YET if number is None else f"Trial {number} has no histograms.")
    weights = data.weights[int(row["number"])]
    layers = [list(weights)[i] for i in evenly(len(weights), MOST_PANELS)]
    found = {name: layer_ridges(data, [int(row["number"])], name) for name in layers}
    own = {name: layer.of_trial.get(int(row["number"])) for name, layer in found.items()}
    drawn = {name: ridges.thinned(MOST_EPOCHS) for name, ridges in own.items() if ridges}
    if not drawn:
        return nothing(f"Trial {row['number']} has no histograms.")
    panels = [_epochs(name, ridges, row) for name, ridges in drawn.items()]
    longest = max(drawn.values(), key=lambda ridges: len(ridges.steps))
    labels = [f"{step}" for step in longest.steps[::-1]]
    return lanes_figure(panels, labels, f"{EPOCH}<br>{trial_name(row)}")


def _trial(data: StudyData, number: int | None) -> Row | None:
    """Returns the row of a trial that has weights; the best, else the last, if none is named."""
    frame = weighed(data)
    if number is not None:
        frame = frame[frame["number"] == number]
    best = complete(frame).head(1)
    rows = rows_of(best if len(best) else frame.tail(1))
    return rows[0] if rows else None


def _last_reports(data: StudyData, rows: list[Row], layer: str) -> Panel:
    common = layer_ridges(data, [int(row["number"]) for row in rows], layer)
    lanes = [_last(common.of_trial.get(int(row["number"])), row) for row in rows]
    return Panel(layer, common.limit, lanes)


def _last(ridges: Ridges | None, row: Row) -> Lane:
    counts = np.zeros(0) if ridges is None else ridges.counts[-1]
    zeros = 0.0 if ridges is None else float(ridges.shares[-1])
    hover = f"{trial_name(row)}<br>{share(zeros)} exact zeros"
    opacity = 0.75 if row["state"] == "complete" else 0.4
    return Lane(counts, zeros, penalty_color(row["penalty"]), opacity, hover)


def _epochs(name: str, ridges: Ridges, row: Row) -> Panel:
    last = max(len(ridges.steps) - 1, 1)
    lanes = [
        Lane(
            counts=ridges.counts[i],
            zeros=float(ridges.shares[i]),
            color=penalty_color(row["penalty"]),
            opacity=0.35 + 0.5 * i / last,
            hover=f"{EPOCH} {ridges.steps[i]}<br>{share(float(ridges.shares[i]))} exact zeros",
        )
        for i in reversed(range(len(ridges.steps)))
    ]
    return Panel(name, ridges.limit, lanes)
