from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest

from regsearch.figures.rows import curve, curve_of, curve_of_one, curves_table, trials_table
from regsearch.tracking.table import metrics_table


@dataclass(frozen=True)
class Entry:
    number: int
    state: str = "complete"
    value: float | None = 1.0
    params: dict[str, Any] = field(default_factory=lambda: {"penalty": "l1", "lam": 0.1})
    metrics: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    attempt: int = 0
    retry_of: int | None = None
    seconds: float = 2.0
    started: float | None = 100.0


COLUMNS = ["number", "state", "value", "penalty", "lam", "l1_ratio"]
LAST = ["reason", "attempt", "retry_of", "seconds", "started"]


def test_a_table_without_trials_has_its_columns() -> None:
    table = trials_table([], ["lr"])
    assert list(table.columns) == [*COLUMNS, "lr", *LAST]
    assert table.empty


def test_time_begins_with_the_first_trial() -> None:
    rows = [Entry(0, started=105.0), Entry(1, started=100.0), Entry(2, started=None)]
    started = trials_table(rows, [])["started"]
    assert started.tolist()[:2] == [5.0, 0.0]
    assert math.isnan(started[2])
    assert trials_table(rows[2:], [])["started"].isna().all()


def test_numbers_are_numbers_even_where_there_are_none() -> None:
    table = trials_table([Entry(0, value=None, metrics={"acc": 0.5}), Entry(1, value=None)], [])
    assert table[["value", "l1_ratio", "acc"]].dtypes.tolist() == [float] * 3
    assert str(table["retry_of"].dtype) == "Int64"


def test_metrics_never_take_another_columns_place() -> None:
    metrics = {"value": 8.0, "lr": 9.0, "step": 7.0, "started": 6.0, "acc": 0.5}
    table = trials_table([Entry(0, metrics=metrics)], ["lr"])
    mine = ["metric/value", "metric/lr", "metric/step", "metric/started", "acc"]
    assert table.loc[0, mine].tolist() == [8, 9, 7, 6, 0.5]
    assert table.loc[0, "value"] == 1.0


def test_a_stored_table_comes_back() -> None:
    rows = [(0, {"a,b": 0.1}), (3, {"a,b": math.inf, "c\n": 1 / 3})]
    frame = curve_of(metrics_table(rows))
    assert list(frame.columns) == ["step", "a,b", "c\n"]
    assert frame["step"].tolist() == [0, 3]
    assert frame["a,b"].tolist() == [0.1, math.inf]
    assert frame["c\n"].tolist()[1] == 1 / 3
    assert math.isnan(frame["c\n"][0])


@pytest.mark.parametrize("text", ["", "step\nno\n", "step,a\n0,1,2\n", "step,a\n0,?\n", "a\0b"])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        curve_of(text)


def test_of_a_step_the_last_report_counts() -> None:
    curves = {
        3: curve([0, 1, 1], ["val_loss", "acc"], [[3.0, 0.1], [2.0, 0.2], [1.0, 0.3]]),
        1: curve_of_one("val_loss", [(1, 0.5), (0, 0.75)]),
        2: curve_of_one("val_loss", []),
    }
    table = curves_table(curves, "val_loss")
    assert list(table.columns) == ["trial", "step", "val_loss", "acc"]
    assert table[["trial", "step", "val_loss"]].to_numpy().tolist() == [
        [1, 0, 0.75],
        [1, 1, 0.5],
        [3, 0, 3.0],
        [3, 1, 1.0],
    ]


@pytest.mark.parametrize("monitor", ["val_loss", "step"])
def test_without_reports_the_monitor_has_a_column(monitor: str) -> None:
    column = {"val_loss": "val_loss", "step": "metric/step"}[monitor]
    for curves in ({}, {0: curve_of_one(monitor, [])}):
        table = curves_table(curves, monitor)
        assert list(table.columns) == ["trial", "step", column]
        assert isinstance(table, pd.DataFrame)
        assert table.empty
