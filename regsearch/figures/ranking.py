"""Which trials of a study count, in what order, and which of them are good.

Every figure reads trials through `table`, so that a column that nobody filled, a value that is not
finite and a study without trials are all the same simple thing: missing numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from regsearch.figures.data import StudyData
from regsearch.palette import PENALTY_COLORS

Row = Mapping[str, Any]
"""A trial as a row of `table`."""

_NUMBERS = ("value", "lam", "l1_ratio", "seconds", "started")
SPARSITY = "sparsity/all"
_TABLES: WeakKeyDictionary[StudyData, pd.DataFrame] = WeakKeyDictionary()


def table(data: StudyData) -> pd.DataFrame:
    """Returns the trials with all columns that figures need, and `cost`: small is good.

    Numbers that are not finite become NaN; a trial without a penalty's name has "" for it. It is
    made once for all figures of a study, so nobody may change it.
    """
    if data not in _TABLES:
        _TABLES[data] = _table(data)
    return _TABLES[data]


def _table(data: StudyData) -> pd.DataFrame:
    names = ("number", "state", "penalty", "reason", *_NUMBERS, SPARSITY)
    frame = data.trials.reindex(columns=list(dict.fromkeys([*data.trials.columns, *names])))
    for name in (*_NUMBERS, SPARSITY):
        frame[name] = _finite(frame[name])
    for name in ("state", "penalty", "reason"):
        words = frame[name].astype(object).where(frame[name].notna(), "").astype(str)
        frame[name] = words.astype(object)  # Arrow's strings take longer to choose and to read
    frame["cost"] = sign(data) * frame["value"]
    return frame.reset_index(drop=True)


def _finite(column: pd.Series[Any]) -> pd.Series[float]:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Returns a frame's rows by the names of its columns."""
    columns = {str(name): column.tolist() for name, column in frame.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def sign(data: StudyData) -> int:
    """Returns 1 where small values of the monitor are good, else -1."""
    return 1 if data.direction == "minimize" else -1


def complete(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the complete trials that have a value, the best first."""
    rows = frame[(frame["state"] == "complete") & frame["value"].notna()]
    return rows.sort_values(["cost", "number"])


def kinds(frame: pd.DataFrame) -> list[str]:
    """Returns the kinds of penalty that were tried: those of this package first."""
    found = [str(kind) for kind in frame["penalty"].unique() if kind]
    known = [*PENALTY_COLORS]
    return sorted(found, key=lambda k: (known.index(k) if k in known else len(known), k))


def best_of_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the best complete trial of each kind, the best kind first."""
    return complete(frame).drop_duplicates("penalty")


def front(frame: pd.DataFrame, gain: str = SPARSITY) -> pd.DataFrame:
    """Returns the complete trials that none beats in both cost and `gain`, by falling gain."""
    rows = (
        complete(frame).dropna(subset=[gain]).sort_values([gain, "cost"], ascending=[False, True])
    )
    before = rows["cost"].cummin().shift(fill_value=np.inf)
    return rows[rows["cost"] < before]


def representative(numbers: Sequence[int], limit: int) -> list[int]:
    """Returns at most `limit` of the ranked trials: the first ones, then evenly spread ones.

    Example:
        >>> representative(range(10), 4)
        [0, 1, 2, 9]
    """
    ranked = list(numbers)
    if len(ranked) <= limit:
        return ranked
    first = limit // 2
    places = np.linspace(len(ranked) - 1, first, limit - first).round().astype(int)[::-1]
    return [*ranked[:first], *(ranked[i] for i in places)]
