"""The cards of MLflow's chart page, in the words of the browser code that draws them.

A card says which metrics or params it shows; a section is a titled grid of cards. MLflow documents
neither. What is written here was read off version 3.17 and seen in a browser; `views.py` knows for
which versions that holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Card = Mapping[str, Any]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Section:
    """A titled grid of cards.

    Attributes:
        title: What stands over it. MLflow puts a metric's chart that no card shows into the section
            that is named like the metric's family, and opens one if there is none.
        cards: What it shows.
        columns: Cards side by side in a wide window.
        height: Of a card, in pixels.
        is_open: Whether the cards are shown at once, or after a click on the title.
    """

    title: str
    cards: tuple[Card, ...] = ()
    columns: int = 2
    height: int = 360
    is_open: bool = True


def param(name: str) -> dict[str, str]:
    """Returns a param as an axis."""
    return {"key": name, "type": "PARAM"}


def metric(name: str) -> dict[str, str]:
    """Returns a metric's last value as an axis."""
    return {"key": name, "type": "METRIC"}


def scatter(x: Mapping[str, str], y: Mapping[str, str]) -> Card:
    """A point a run; its colour is the run's."""
    return {"type": "SCATTER", "xaxis": x, "yaxis": y}


def contour(x: Mapping[str, str], y: Mapping[str, str], z: Mapping[str, str]) -> Card:
    """A point a run over the interpolated surface of z."""
    return {"type": "CONTOUR", "xaxis": x, "yaxis": y, "zaxis": z}


def parallel(params: Sequence[str], metrics: Sequence[str]) -> Card:
    """A line a run through all its values, coloured by the last metric."""
    names = {"selectedParams": [*params], "selectedMetrics": [*metrics]}
    return {"type": "PARALLEL", **names, "showAllRuns": True}


def lines(metrics: Sequence[str], scale: Scale = "linear") -> Card:
    """A line a run and metric over the steps."""
    return {
        "type": "LINE",
        "metricKey": metrics[0],
        "selectedMetricKeys": [*metrics],
        "xAxisKey": "step",
        "yAxisKey": "metric",
        "scaleType": scale,
        "xAxisScaleType": "linear",
        "range": {},
        "lineSmoothness": 0,
        "selectedXAxisMetricKey": "",
        "yAxisExpressions": [],
        "displayPoints": False,
        "ignoreOutliers": False,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": False,
    }


def bars(name: str) -> Card:
    """A bar a run: the metric's last value."""
    return {"type": "BAR", "metricKey": name}


def differences() -> Card:
    """A table of what differs between the runs shown."""
    return {
        "type": "DIFFERENCE",
        "compareGroups": ["Model metrics", "Parameters"],
        "chartName": "What differs",
        "showChangeFromBaseline": True,
        "showDifferencesOnly": True,
        "baselineColumnUuid": "",
    }


def laid_out(sections: Iterable[Section]) -> dict[str, Any]:
    """Returns sections and cards as the page's state holds them: flat, with ids."""
    charts: list[Card] = []
    titles: list[dict[str, Any]] = []
    for i, section in enumerate(sections):
        titles.append(_titled(section, f"s{i}"))
        charts += [_placed(card, f"s{i}c{j}", f"s{i}") for j, card in enumerate(section.cards)]
    return {
        "compareRunCharts": charts,
        "compareRunSections": titles,
        "isAccordionReordered": True,  # otherwise MLflow sorts the sections by name
    }


def _titled(section: Section, uuid: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": section.title,
        "display": section.is_open,
        "columns": section.columns,
        "cardHeight": section.height,
        "isReordered": True,
        "deleted": False,
        "isGenerated": False,
    }


def _placed(card: Card, uuid: str, section: str) -> Card:
    place = {"uuid": uuid, "metricSectionId": section, "deleted": False, "isGenerated": False}
    return {**card, **place, "runsCountToCompare": 100}
