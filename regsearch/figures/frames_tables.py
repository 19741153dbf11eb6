"""Runs straight from MLflow's SQLite file: what MLflow itself would answer, without importing it.

MLflow takes four seconds to import, and as long again to make objects of a large study. Only tables
of a version that is known are read so; of any other MLflow is asked.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regsearch.figures.errors import ADVICE, UnreadableStoreError
from regsearch.figures.frames_runs import StoredRun
from regsearch.tracking.database import opened
from regsearch.tracking.labels import KIND, STUDY_ID

# As MLflow calls that of its tables; others may be added for which the tests of this file hold.
VERSIONS = {"dc11669786a5"}
WAIT_SECONDS = 20.0  # for whoever writes

_RUNS = """
    SELECT run_uuid, experiment_id, status, start_time, end_time, artifact_uri FROM runs
    WHERE lifecycle_stage = 'active' AND start_time IS NOT NULL AND artifact_uri IS NOT NULL
    AND run_uuid IN
        (SELECT run_uuid FROM tags WHERE tags.key = ? AND tags.value = ?)
    AND experiment_id IN (SELECT experiment_id FROM experiments WHERE {experiment})
    ORDER BY start_time {order}, run_uuid
"""
_ALL = "lifecycle_stage = 'active' AND ? IS NULL"  # takes the experiment's place
_FOREIGN = "SELECT COUNT(*) FROM experiments WHERE workspace <> 'default'"


def is_known(file: Path) -> bool:
    """Tells whether a file is a database with tables of a known version, for one user alone."""
    try:
        with opened(file, WAIT_SECONDS) as database:
            if database.execute(_FOREIGN).fetchone() != (0,):
                return False
            found = database.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False  # MLflow will say what it is
    return bool(found) and {version for (version,) in found} <= VERSIONS


class Tables:
    """A SQLite database as `Runs`.

    Args:
        file: The database.
        uri: MLflow's tracking URI.
        experiment: The experiment to look in; None is all of them.
    """

    def __init__(self, file: Path, uri: str, experiment: str | None = None) -> None:
        self.name = self.uri = uri
        self._file = file
        self._experiment = experiment

    def studies(self) -> list[StoredRun]:
        return self._search(KIND, "study", "DESC")

    def runs(self, study_id: str) -> list[StoredRun]:
        return self._search(STUDY_ID, study_id, "ASC")

    def history(self, run: StoredRun, key: str) -> list[tuple[int, float]]:
        query = (
            "SELECT step, value, is_nan FROM metrics WHERE run_uuid = ? AND key = ? "
            "ORDER BY timestamp, step, value"
        )
        with self._answered() as database:
            points = database.execute(query, (run.run_id, key)).fetchall()
        return [(step, math.nan if is_nan else value) for step, value, is_nan in points]

    def _search(self, tag: str, value: str, order: str) -> list[StoredRun]:
        query = _RUNS.format(
            experiment="name = ?" if self._experiment is not None else _ALL, order=order
        )
        with self._answered() as database:
            rows = database.execute(query, (tag, value, self._experiment)).fetchall()
            ids = [row[0] for row in rows]
            tags, params = (_by_run(database, table, ids) for table in ("tags", "params"))
            metrics = _by_run(database, "latest_metrics", ids, "value, is_nan")
        return [
            StoredRun(
                run,
                str(experiment),
                status,
                began,
                ended,
                place,
                dict(tags[run]),
                dict(params[run]),
                {key: math.nan if is_nan else value for key, value, is_nan in metrics[run]},
            )
            for run, experiment, status, began, ended, place in rows
        ]

    @contextmanager
    def _answered(self) -> Iterator[sqlite3.Connection]:
        """Opens the database as it is at one moment; puts what SQLite says into a few words."""
        try:
            with opened(self._file, WAIT_SECONDS) as database:
                database.execute("BEGIN")
                yield database
        except sqlite3.Error as error:
            is_busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            advice = "Try again when nobody writes." if is_busy else ADVICE
            raise UnreadableStoreError(
                f"{self._file} must be readable, but got: {error}. {advice}"
            ) from None


def _by_run(
    database: sqlite3.Connection, table: str, runs: Iterable[str], columns: str = "value"
) -> dict[str, list[tuple[Any, ...]]]:
    """Returns the keys and other columns of a table by run."""
    query = f"SELECT key, {columns} FROM {table} WHERE run_uuid = ?"
    return {run: database.execute(query, (run,)).fetchall() for run in runs}
