"""Weights of whole studies on a page: all trials by λ at one epoch, beside one trial by epoch.

One slider moves both, so a reader sees at once what a stronger penalty does and how it comes about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from regsearch.figures.data import StudyData
from regsearch.figures.gallery import Widget
from regsearch.figures.labels import count, number, shortened, strength
from regsearch.figures.ranking import Row, complete, rows_of
from regsearch.figures.theme import penalty_color
from regsearch.figures.weights_choice import Choice, Most, choice
from regsearch.figures.weights_ridges import LayerRidges, layer_ridges
from regsearch.ridges.assets import asset, filled, joined
from regsearch.ridges.packing import embedded, packed, scale

MOST_RIDGES = 3800  # of all studies together: about 0.6 MB

NOTHING: dict[str, Any] = {"steps": [], "zeros": [], "heights": ""}


def weights_widget(studies: Sequence[StudyData]) -> str:
    """Returns the fragment of a page that shows the studies' weights; "" if none has any."""
    most = MOST_RIDGES // max(1, sum(bool(data.weights) for data in studies))
    found = [_study(data, choice(data, Most(ridges=most))) for data in studies if data.weights]
    shown = [study for study in found if study["layers"]]
    if not shown:
        return ""
    values = {
        "style": joined("ridges.css", "study.css"),
        "script": joined("ridges.js", "stage.js", "epochs.js", "study.js", "again.js"),
        "data": embedded({"studies": shown}),
    }
    return filled(asset("study.html"), values)


def _study(data: StudyData, chosen: Choice) -> dict[str, Any]:
    numbers = [int(n) for n in chosen.trials["number"]]
    found = [_drawn(data, numbers, name, chosen.epochs) for name in chosen.layers]
    drawn = [(layer, series) for layer, series in found if series]
    best = complete(chosen.trials)["number"].head(1).to_list()
    return {
        "name": shortened(data.name),
        "note": chosen.note,
        "layers": [layer for layer, _ in drawn],
        "trials": [
            _trial(data, row, row["number"] in best)
            | {"series": [series.get(int(row["number"]), NOTHING) for _, series in drawn]}
            for row in rows_of(chosen.trials[::-1])
        ],
    }


def _drawn(
    data: StudyData, numbers: Sequence[int], name: str, epochs: int
) -> tuple[dict[str, Any], dict[int, Any]]:
    """Returns a layer and its packed ridges by trial; the histograms themselves are let go."""
    layer = layer_ridges(data, numbers, name)
    series = {n: packed(r.thinned(epochs), layer.peak) for n, r in layer.of_trial.items()}
    return _layer(name, layer), series


def _layer(name: str, layer: LayerRidges) -> dict[str, Any]:
    cut = f"{count(layer.beyond, 'trial')} reached beyond what is drawn." if layer.beyond else ""
    return {"name": name, "note": cut} | scale(layer.limit, layer.bins, layer.peak)


def _trial(data: StudyData, row: Row, is_best: bool) -> dict[str, Any]:
    star = "★ " if is_best else ""
    lam = f"λ {strength(row['lam'])}" if row["lam"] > 0 else "no penalty"
    state = "" if row["state"] == "complete" else f" ({row['state']})"
    kind = f"{shortened(row['penalty'], 24)} " if row["lam"] > 0 else ""
    value = f"{shortened(data.monitor, 28)} {number(row['value'])}"
    return {
        "number": int(row["number"]),
        "kind": shortened(row["penalty"], 24),
        "color": penalty_color(row["penalty"]),
        "label": star + lam,
        "text": f"{star}#{row['number']} {kind}{lam}, {value}{state}",
        "best": is_best,
    }


WIDGETS = (
    Widget(
        "weights",
        "What do the weights look like?",
        "A ridge is a trial, the strongest penalty at the back; beside it, the chosen trial by "
        "validation epoch. Heights are square roots of counts; exact zeros are not in them, their "
        "share is the bar.",
        weights_widget,
    ),
)
