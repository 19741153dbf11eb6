"""Metrics straight into MLflow's SQLite file, row for row what its own `log_batch` writes.

MLflow makes objects of every metric and compares each with the last one: 0.3 ms, where SQLite takes
a row in a hundredth of that. Only tables that are exactly the known ones are written to, and only
rows that MLflow would take as they are; for all else the caller goes the public way.

    metrics          a row a point, the whole row its key: the same point again changes nothing
    latest_metrics   a row a run and key: the point with the highest (step, timestamp, value)
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

Point = tuple[str, float, int, int]
"""A metric's key, value, time in milliseconds and step."""

WAIT_SECONDS = 5.0  # for another writer of the file
_TABLES = ("metrics", "latest_metrics")
_COLUMNS = {"key", "value", "timestamp", "step", "is_nan", "run_uuid"}  # of each
_ROW = "(key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)"
_ADD = f"INSERT INTO metrics {_ROW} ON CONFLICT DO NOTHING"
_SHOW = (
    f"INSERT INTO latest_metrics {_ROW} ON CONFLICT (key, run_uuid) DO UPDATE SET "
    "value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, "
    "is_nan = excluded.is_nan WHERE (excluded.step, excluded.timestamp, excluded.value) "
    "> (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)"
)
_Row = tuple[str, float, int, int, bool, str]


def write(file: Path, points: Mapping[str, Sequence[Point]]) -> set[str]:
    """Adds points to runs, all or none of them, and returns the runs that were served.

    Args:
        file: MLflow's database.
        points: By run id; finite or NaN, under keys that MLflow accepts.

    Raises:
        sqlite3.Error: If the file cannot be written.
    """
    address = f"{file.absolute().as_uri()}?mode=rw"
    with (
        closing(
            sqlite3.connect(address, WAIT_SECONDS, uri=True, isolation_level="IMMEDIATE")
        ) as database,
        database,
    ):
        if not _known(database):
            return set()
        served = {run for run in points if _is_active(database, run)}
        rows = [row for run in served for row in _rows(run, points[run])]
        database.executemany(_ADD, rows)
        database.executemany(_SHOW, _latest(rows))
    return served


def _known(database: sqlite3.Connection) -> bool:
    """Whether the tables are the known ones, and nothing else happens when a row comes."""
    marks = ", ".join("?" * len(_TABLES))
    query = f"SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({marks})"
    triggers = database.execute(query, _TABLES).fetchone()[0]
    return not triggers and all(
        {row[1] for row in database.execute(f"PRAGMA table_info({table})")} == _COLUMNS
        for table in _TABLES
    )


def _is_active(database: sqlite3.Connection, run: str) -> bool:
    query = "SELECT lifecycle_stage FROM runs WHERE run_uuid = ?"
    return bool(database.execute(query, (run,)).fetchone() == ("active",))


def _rows(run: str, points: Iterable[Point]) -> Iterable[_Row]:
    for key, value, time, step in points:
        is_nan = math.isnan(value)
        yield key, 0.0 if is_nan else value, time, step, is_nan, run


def _latest(rows: Iterable[_Row]) -> Iterable[_Row]:
    """Returns the row of each run and key that MLflow shows as the metric's value."""
    latest: dict[tuple[str, str], _Row] = {}
    for row in rows:
        place = row[5], row[0]
        if place not in latest or _rank(row) > _rank(latest[place]):
            latest[place] = row
    return latest.values()


def _rank(row: _Row) -> tuple[int, int, float]:
    return row[3], row[2], row[1]
