"""Curves over epochs: the best trial of each kind strong, the others faint behind them.

Faint trials of a kind are one trace with gaps between them, so that a thousand trials stay a page
that scrolls; beyond `MOST` trials, the best and an even choice of the rest are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.graph_objects import Figure, Scatter

from regsearch.figures.data import StudyData
from regsearch.figures.labels import plain, strength
from regsearch.figures.ranking import (
    Row,
    best_of_kinds,
    complete,
    kinds,
    representative,
    rows_of,
    table,
)
from regsearch.figures.theme import faded, penalty_color

EPOCH = "validation epoch"  # a step counts reports, and between two there may be several epochs
MOST = 80
_MOST_POINTS = 150
_FAINT = 0.28
_POINT = EPOCH + " %{x}: %{y:.4g}<extra></extra>"


@dataclass(frozen=True)
class Chosen:
    """Which trials' curves are drawn.

    Attributes:
        best: The best trial of each kind, the best kind first.
        others: Rows of the other trials.
        left_out: How many trials are not drawn.
    """

    best: pd.DataFrame
    others: pd.DataFrame
    left_out: int

    @property
    def is_empty(self) -> bool:
        """Whether no trial has reported the metric."""
        return self.best.empty and self.others.empty

    @property
    def best_last(self) -> list[Row]:
        """The best trial of each kind in the order of drawing: the best on top of the others."""
        return rows_of(self.best.iloc[::-1])

    @property
    def note(self) -> str:
        """Says how many trials are not drawn; "" if all are."""
        drawn = len(self.best) + len(self.others)
        return f"{drawn} of {drawn + self.left_out:,} trials drawn" if self.left_out else ""


def chosen(data: StudyData, column: str) -> Chosen:
    """Returns the trials to draw of those that have reported a metric."""
    frame = table(data)
    reported = reports(data, [column])["trial"].unique()
    frame = frame[frame["number"].isin(reported)]
    best = best_of_kinds(frame)
    ranked = [*complete(frame)["number"], *frame[frame["state"] != "complete"]["number"]]
    rest = [number for number in ranked if number not in set(best["number"])]
    rest += [number for number in frame["number"] if number not in {*ranked, *best["number"]}]
    shown = representative(rest, MOST - len(best))
    others = frame[frame["number"].isin(shown)]
    return Chosen(best, others, len(rest) - len(shown))


def reports(data: StudyData, columns: Sequence[str]) -> pd.DataFrame:
    """Returns `trial, step` and finite metrics, by trial and step; no rows without all columns."""
    if not {"trial", "step", *columns} <= {*data.curves.columns}:
        return pd.DataFrame(columns=["trial", "step", *columns], dtype=float)
    frame = data.curves[["trial", "step", *columns]].apply(pd.to_numeric, errors="coerce")
    is_finite = np.isfinite(frame.to_numpy(dtype=float)).all(axis=1)
    told: pd.DataFrame = frame.loc[is_finite]
    return told.sort_values(["trial", "step"])


def add_faint(figure: Figure, rows: pd.DataFrame, curves: pd.DataFrame) -> None:
    """Adds trials in the background, one trace a kind.

    Args:
        figure: Where to.
        rows: The trials.
        curves: `trial, step, y` of these trials.
    """
    by_trial = dict(list(curves.groupby("trial")))
    for kind in kinds(rows):
        own = rows_of(rows[rows["penalty"] == kind])
        drawn = [(row, _thinned(by_trial[row["number"]])) for row in own]
        figure.add_trace(
            Scatter(
                x=_with_gaps([curve["step"] for _, curve in drawn]),
                y=_with_gaps([curve["y"] for _, curve in drawn]),
                mode="lines",
                line={"color": faded(penalty_color(kind), _FAINT), "width": 1},
                legendgroup=kind,
                showlegend=False,
                customdata=_numbers(drawn),
                hovertemplate=_named(kind, own) + _POINT,
            )
        )


def _numbers(drawn: Sequence[tuple[Row, pd.DataFrame]]) -> NDArray[np.float32]:
    """Returns each point's trial and λ, (n, 2): a tenth of a page would be their names as text."""
    rows = [(row["number"], row["lam"]) for row, curve in drawn for _ in range(len(curve) + 1)]
    return np.array(rows, dtype=np.float32)


def _named(kind: str, rows: Sequence[Row]) -> str:
    """Returns what Plotly makes a trial's name of."""
    lam = " %{customdata[1]:.1e}" if all(row["lam"] > 0 for row in rows) else ""
    return f"#%{{customdata[0]}} {plain(kind, 20)}{lam}<br>"


def add_strong(figure: Figure, row: Row, curve: pd.DataFrame, *, dash: str = "solid") -> None:
    """Adds one trial in the foreground.

    Args:
        figure: Where to.
        row: The trial.
        curve: Its `step, y`.
        dash: How the line is broken; only a solid one stands in the legend.
    """
    kind = str(row["penalty"])
    figure.update_layout(legend={"traceorder": "reversed"})
    figure.add_trace(
        Scatter(
            x=curve["step"],
            y=curve["y"],
            mode="lines" if len(curve) > 1 else "markers",
            name=trial_name(row),
            line={"color": penalty_color(kind), "width": 2.5, "dash": dash},
            legendgroup=kind,
            showlegend=dash == "solid",
            hovertemplate=f"{trial_name(row)}<br>{_POINT}",
        )
    )


def trial_name(row: Row) -> str:
    """Returns a trial's name in a legend: number, kind, λ."""
    lam = row["lam"]
    strong = f" {strength(lam)}" if isinstance(lam, float) and lam > 0 else ""
    return f"#{row['number']} {plain(row['penalty'], 20)}{strong}"


def curve(curves: pd.DataFrame, number: object) -> pd.DataFrame:
    """Returns one trial's rows of many trials' curves."""
    return _thinned(curves[curves["trial"] == number])


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    if len(rows) <= _MOST_POINTS:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, _MOST_POINTS).round().astype(int)]


def _with_gaps(columns: Sequence[pd.Series[float]]) -> NDArray[np.float32]:
    """Returns numbers one after the other, with a NaN after each of the columns."""
    found = np.concatenate([np.append(column.to_numpy(dtype=float), np.nan) for column in columns])
    with np.errstate(over="ignore"):
        return found.astype(np.float32)  # half the room on a page, and finer than a screen
