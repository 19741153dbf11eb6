"""A trial's weights over its epochs as one page that people open in MLflow's list of artifacts.

MLflow has no histograms of its own, but it shows an HTML artifact in place. It does so in a frame
without a home: no files beside it, no storage, no network, so everything stands in the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from regsearch.palette import OTHER_COLOR, PENALTY_COLORS
from regsearch.ridges.assets import asset, filled, joined
from regsearch.ridges.bins import evenly, ridges
from regsearch.ridges.packing import embedded, packed, scale
from regsearch.trials import Histogram

MOST_EPOCHS = 60
MOST_RIDGES = 6000  # about a megabyte

Series = Sequence[tuple[int, Histogram]]


def weights_page(number: int, params: Mapping[str, Any], histories: Mapping[str, Series]) -> str:
    """Returns the page of one trial; "" if it has no histograms.

    Args:
        number: The trial's number.
        params: The trial's params.
        histories: For each parameter its steps and histograms, in order.
    """
    found = {name: _with_bins(series) for name, series in histories.items()}
    found = {name: series for name, series in found.items() if series}
    if not found:
        return ""
    reports = max(map(len, found.values()))
    most = max(2, min(MOST_EPOCHS, MOST_RIDGES // len(found)))
    layers = [_layer(name, _thinned(series, most)) for name, series in found.items()]
    color = PENALTY_COLORS.get(str(params.get("penalty")), OTHER_COLOR)
    data = {"color": color, "layers": layers}
    values = {
        "title": f"Weights of trial {number}",
        "facts": " ".join(_facts(params)),
        "note": f"{most} of {reports} validation epochs are shown." if reports > most else "",
        "style": joined("ridges.css", "trial.css"),
        "script": joined("ridges.js", "stage.js", "epochs.js", "trial.js"),
        "data": embedded(data),
    }
    return filled(asset("trial.html"), values)


def _with_bins(series: Series) -> Series:
    return [(step, histogram) for step, histogram in series if len(histogram.counts)]


def _thinned(series: Series, most: int) -> Series:
    return [series[i] for i in evenly(len(series), most)]


def _layer(name: str, series: Series) -> dict[str, Any]:
    found = ridges(series)
    found = found.cut(found.reach)
    peak = float(found.counts.max(initial=0.0))
    limit = found.limit if peak else 0.0
    facts = {"name": name, "size": int(found.sizes.max(initial=0))}
    return facts | scale(limit, found.counts.shape[1], peak) | packed(found, peak)


def _facts(params: Mapping[str, Any]) -> Iterator[str]:
    """Yields the params as HTML, the penalty first."""
    if "penalty" in params:
        yield f'<i class="kind">{escape(str(params["penalty"]))}</i>'
    for name, value in params.items():
        label, digits = ("λ", ".1e") if name == "lam" else (str(name), ".3g")
        shown = format(value, digits) if isinstance(value, float) else str(value)
        if name != "penalty":
            yield f"<span>{escape(label)} <i>{escape(shown)}</i></span>"
