"""The oracle is MLflow: its own `log_batch` must leave the same rows in a copy of the database."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from regsearch.tracking import direct
from regsearch.tracking.direct import Point
from regsearch.tracking.places import database_file

KEYS = ("loss/total", "sparsity/net.0.weight", "a b")
VALUES = (0.5, -1.0, 0.0, math.nan, 1e-310, 1e300)


def _batch(chance: random.Random) -> list[Point]:
    """Few steps and times, so that points come twice, too late, and with another value."""
    return [
        (chance.choice(KEYS), chance.choice(VALUES), chance.randrange(3), chance.randrange(-1, 3))
        for _ in range(chance.randrange(1, 20))
    ]


def _runs(uri: str, number: int = 2) -> list[str]:
    client = MlflowClient(uri)
    experiment = client.create_experiment("e")
    return [client.create_run(experiment).info.run_id for _ in range(number)]


def _file(uri: str) -> Path:
    file = database_file(uri)
    assert file is not None
    return file


def _rows(file: Path, table: str) -> list[tuple[object, ...]]:
    columns = "run_uuid, key, step, timestamp, value, is_nan"
    with closing(sqlite3.connect(file)) as database:
        return sorted(database.execute(f"SELECT {columns} FROM {table}").fetchall())


@pytest.mark.parametrize("seed", range(8))
def test_rows_are_those_of_mlflow(uri: str, tmp_path: Path, seed: int) -> None:
    chance, runs, ours = random.Random(seed), _runs(uri), tmp_path / "ours.db"
    shutil.copy(_file(uri), ours)
    client = MlflowClient(uri)
    for _ in range(6):
        points = {run: _batch(chance) for run in chance.sample(runs, chance.randrange(1, 3))}
        assert direct.write(ours, points) == set(points)
        for run, batch in points.items():
            client.log_batch(run, [Metric(k, v, time, step) for k, v, time, step in batch])
    for table in ("metrics", "latest_metrics"):
        assert _rows(ours, table) == _rows(_file(uri), table) != []


def test_a_deleted_run_and_an_unknown_one_are_left_to_mlflow(uri: str) -> None:
    deleted, active = _runs(uri)
    MlflowClient(uri).delete_run(deleted)
    points = dict.fromkeys((deleted, "unknown", active), [("a", 1.0, 0, 0)])
    assert direct.write(_file(uri), points) == {active}
    assert [row[0] for row in _rows(_file(uri), "metrics")] == [active]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE metrics ADD COLUMN unit TEXT",
        "ALTER TABLE latest_metrics RENAME COLUMN step TO epoch",
        "CREATE TRIGGER seen AFTER INSERT ON metrics BEGIN DELETE FROM params; END",
    ],
)
def test_tables_that_are_not_the_known_ones_are_left_to_mlflow(uri: str, change: str) -> None:
    run = _runs(uri, 1)[0]
    with closing(sqlite3.connect(_file(uri))) as database, database:
        database.execute(change)
    assert direct.write(_file(uri), {run: [("a", 1.0, 0, 0)]}) == set()


def test_all_or_nothing_while_another_process_writes(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _runs(uri, 1)[0]
    monkeypatch.setattr(direct, "WAIT_SECONDS", 0.05)
    with closing(sqlite3.connect(_file(uri))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            direct.write(_file(uri), {run: [("a", 1.0, 0, 0)]})
    assert _rows(_file(uri), "metrics") == []


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="open"):
        direct.write(tmp_path / "none.db", {"run": [("a", 1.0, 0, 0)]})
    assert not (tmp_path / "none.db").exists()
