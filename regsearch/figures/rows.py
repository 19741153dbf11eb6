"""A study's trials and curves as tables, whoever kept them: a search's own records or a store."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

FIRST = ("number", "state", "value", "penalty", "lam", "l1_ratio")
LAST = ("reason", "attempt", "retry_of", "seconds", "started")
OF_CURVES = ("trial", "step")
NUMBERS = ("value", "lam", "l1_ratio", "seconds", "started")


class Row(Protocol):
    """A trial as it stands in a table; `started` in seconds since the epoch, None if unknown."""

    @property
    def number(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def reason(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def retry_of(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def started(self) -> float | None: ...


def trials_table(rows: Sequence[Row], extras: Sequence[str]) -> pd.DataFrame:
    """Returns a row a trial, in the order given.

    Args:
        rows: The trials.
        extras: Names of the hyperparameters beyond the penalty's own.

    Returns:
        `number, state, value, penalty, lam, l1_ratio`, the extras, the final metrics by name, and
        `reason, attempt, retry_of, seconds, started`: the seconds from the study's first trial to
        this one. A metric that has another column's name, here or in a table of curves, becomes
        `metric/<name>`.
    """
    names = {name for row in rows for name in row.metrics}
    columns = _apart(sorted(names), {*FIRST, *extras, *LAST, *OF_CURVES})
    zero = min((row.started for row in rows if row.started is not None), default=0.0)
    cells = [_cells(row, columns, zero) for row in rows]
    frame = pd.DataFrame(cells, columns=[*FIRST, *extras, *columns.values(), *LAST])
    return frame.astype({**dict.fromkeys(NUMBERS, float), "retry_of": "Int64"})


def _cells(row: Row, columns: Mapping[str, str], zero: float) -> dict[str, Any]:
    metrics = {columns[name]: value for name, value in row.metrics.items()}
    own = {name: getattr(row, name) for name in ("number", "state", "value", *LAST)}
    started = math.nan if row.started is None else row.started - zero
    return {**metrics, **row.params, **own, "started": started}


def _apart(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Returns a column for each metric that is no other column's name."""
    return {name: f"metric/{name}" if name in taken else name for name in names}


def curve(steps: ArrayLike, names: Sequence[str], values: ArrayLike) -> pd.DataFrame:
    """Returns a trial's reports as a table: `step` and the metrics by name.

    Args:
        steps: The reports' steps, (E,).
        names: The M metrics.
        values: Their values, (E, M), NaN where not reported.
    """
    columns = [*_apart(names, {*OF_CURVES}).values()]
    index = np.asarray(steps, dtype=np.int64)
    numbers = np.asarray(values, dtype=float).reshape(len(index), len(columns))
    frame = pd.DataFrame(numbers, columns=columns)
    frame.insert(0, "step", index)
    return frame


def curve_of(text: str) -> pd.DataFrame:
    """Returns the reports in a trial's `metrics.csv`.

    Raises:
        ValueError: If the text is no such table.
    """
    try:
        header, *lines = csv.reader(io.StringIO(text))
    except csv.Error as error:
        raise ValueError(f"A trial's metrics must be a table, but got {error}.") from error
    if header[:1] != ["step"]:
        raise ValueError(f"A table of metrics must begin with `step`, but got {header[:1]}.")
    numbers = [[float(cell) if cell else math.nan for cell in line[1:]] for line in lines]
    return curve([int(line[0]) for line in lines], header[1:], numbers)


def curve_of_one(monitor: str, points: Iterable[tuple[int, float]]) -> pd.DataFrame:
    """Returns the reports of a trial of which only the monitor's values are known."""
    ordered = sorted(points)
    return curve([step for step, _ in ordered], [monitor], [value for _, value in ordered])


def curves_table(curves: Mapping[int, pd.DataFrame], monitor: str) -> pd.DataFrame:
    """Returns a row a report, by trial and step; where a step came twice, its last report.

    Args:
        curves: The trials' reports, by the trial's number.
        monitor: The metric that is optimised, so that it has a column in any case.
    """
    column = _apart([monitor], {*OF_CURVES})[monitor]
    parts = [part.assign(trial=number) for number, part in curves.items() if len(part)]
    if not parts:
        return pd.DataFrame({"trial": [], "step": [], column: []}).astype(
            {"trial": int, "step": int}
        )
    joined = pd.concat(parts, ignore_index=True)
    once = joined.drop_duplicates(["trial", "step"], keep="last")
    others = [name for name in once.columns if name not in OF_CURVES]
    return once.sort_values(["trial", "step"])[[*OF_CURVES, *others]].reset_index(drop=True)
