"""A study's trials as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from regsearch.search.records import Record, best
from regsearch.trials import Direction

FIRST = ("number", "state", "value", "penalty", "lam", "l1_ratio")
LAST = ("reason", "attempt", "retry_of", "seconds")


def trials_frame(entries: Sequence[Record], extras: Sequence[str]) -> pd.DataFrame:
    """Returns a row a trial, by number.

    Args:
        entries: Trials that have ended.
        extras: Names of the space's extras.

    Returns:
        `number, state, value, penalty, lam, l1_ratio`, the extras, the final metrics by name, and
        `reason, attempt, retry_of, seconds`. A metric that has another column's name becomes
        `metric/<name>`.
    """
    taken = {*FIRST, *extras, *LAST}
    names = {name for entry in entries for name in entry.metrics}
    columns = {name: f"metric/{name}" if name in taken else name for name in sorted(names)}
    rows = [_row(entry, columns) for entry in entries]
    frame = pd.DataFrame(rows, columns=[*FIRST, *extras, *columns.values(), *LAST])
    return frame.astype({"retry_of": "Int64"})


def _row(entry: Record, columns: dict[str, str]) -> dict[str, Any]:
    metrics = {columns[name]: value for name, value in entry.metrics.items()}
    own = {name: getattr(entry, name) for name in ("number", "state", "value", *LAST)}
    return {**metrics, **entry.params, **own}


def best_of_each(
    entries: Sequence[Record], extras: Sequence[str], direction: Direction
) -> pd.DataFrame:
    """Returns the best complete trial of each kind of penalty, the best kind first."""
    kinds = dict.fromkeys(entry.kind for entry in entries)
    found = [best([e for e in entries if e.kind == kind], direction) for kind in kinds]
    frame = trials_frame([entry for entry in found if entry is not None], extras)
    ordered = frame.sort_values(["value", "number"], ascending=[direction == "minimize", True])
    return ordered.reset_index(drop=True)
