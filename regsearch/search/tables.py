"""The best trial of each kind as people read it, and what the terminal shows when a study ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.table import Table
from rich.text import Text

from regsearch.figures.rows import FIRST, LAST
from regsearch.search.reporting import REPORT
from regsearch.search.result import StudyResult
from regsearch.tracking.base import StudyTracker
from regsearch.tracking.mlflow import MLflowTracker

ZEROS = "sparsity/all"
UNSHOWN = ("loss/", "sparsity/", "near_zero/", "weight_norm/", "weights_p", "train")
MOST = 6


def best_table(frame: pd.DataFrame, monitor: str) -> pd.DataFrame:
    """Returns the best of each kind as people read it: text in every cell.

    Args:
        frame: `StudyResult.best_of_each_kind`.
        monitor: The metric that was optimised.
    """
    others = [name for name in frame.columns if _is_shown(name) and name != monitor]
    zeros = [ZEROS] if ZEROS in frame.columns else []
    picked = ["penalty", "lam", "l1_ratio", "value", *others[:MOST], *zeros, "number"]
    table = frame[picked].rename(
        columns={"value": monitor, ZEROS: "exact zeros", "number": "trial"}
    )
    columns = {name: [_cell(name, cell) for cell in table[name]] for name in table.columns}
    return pd.DataFrame(columns, dtype=str)


def _is_shown(name: str) -> bool:
    """Tells whether a column is an extra, or a metric of the user's validation."""
    return name not in {*FIRST, *LAST} and not name.startswith(UNSHOWN)


def _cell(column: str, value: object) -> str:
    if value is None or value != value:
        return ""
    if column == "exact zeros":
        return f"{float(str(value)):.1%}"
    if column == "lam":
        return f"{float(str(value)):.2e}" if value else "0"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def grid_of(table: pd.DataFrame, title: str) -> Table:
    """Returns a table for the terminal."""
    grid = Table(title=Text(title), title_justify="left")
    for i, name in enumerate(table.columns):
        grid.add_column(Text(str(name)), justify="left" if i == 0 else "right")
    for row in table.itertuples(index=False):
        grid.add_row(*(Text(str(cell)) for cell in row))
    return grid


@dataclass(frozen=True)
class Places:
    """Where a study can be looked at, beyond its result's own link.

    Attributes:
        command: What must run for the link to open; None if nothing must.
        report: Where its report is; None if there is none.
    """

    command: str | None = None
    report: str | None = None


def places(tracker: StudyTracker, *, has_report: bool) -> Places:
    """Returns where a tracker keeps a study.

    Args:
        tracker: The study's tracker.
        has_report: Whether it was given a report.
    """
    if not isinstance(tracker, MLflowTracker):
        return Places()
    report = tracker.place(REPORT) if has_report else None
    is_there = report is not None and ("://" in report or Path(report).exists())
    return Places(tracker.ui_command, report if is_there else None)


def farewell(name: str, monitor: str, result: StudyResult, at: Places) -> list[Table | str]:
    """Returns what is printed when a study ends: its best trials, and where everything is.

    Args:
        name: The study's name.
        monitor: The metric that was optimised.
        result: What was found.
        at: Where it can be looked at.
    """
    table = best_table(result.best_of_each_kind, monitor)
    best = grid_of(table, f"{name}: best of each kind") if len(table) else _no_best(result.trials)
    weights = [f"Weights of the best: {result.weights}"] if len(table) else []
    report = [] if at.report is None else [f"Report: {at.report}"]
    start = [] if at.command is None else [f"To look at it, run: {at.command}"]
    link = [] if result.url is None else [f"Charts: {result.url}"]
    return [best, f"Trials: {result.storage}", *weights, *report, *start, *link]


def _no_best(trials: pd.DataFrame) -> str:
    """Says why there is no best trial: what became of those there are."""
    reasons = trials["reason"].value_counts()
    why = ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
    return f"No trial is complete: {why or 'none was started'}."
