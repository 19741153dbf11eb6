from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from regsearch.tracking.database import flaw, make_database


def _make(uri: str) -> None:
    connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
    connection.execute("create table t (x)")
    connection.close()


def test_is_made_once_by_whoever_comes_first(tmp_path: Path) -> None:
    file, made = tmp_path / "new" / "a.db", []
    started = threading.Barrier(4)

    def make(uri: str) -> None:
        made.append(uri)
        _make(uri)

    def ask() -> None:
        started.wait()
        make_database(file, make)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert [path.name for path in file.parent.iterdir()] == ["a.db"]


def test_half_of_one_is_never_seen(tmp_path: Path) -> None:
    file = tmp_path / "a.db"

    def die(uri: str) -> None:
        _make(uri)
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        make_database(file, die)
    assert not file.exists()
    make_database(file, _make)
    assert file.exists()


def test_a_database_of_mlflows_has_no_flaw(uri: str, tmp_path: Path) -> None:
    assert flaw(tmp_path / "mlflow.db") == ""


def test_what_is_none_of_mlflows_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    absent, text, empty, other = (tmp_path / f"{n}.db" for n in ("no #1?", "text", "empty", "x"))
    text.write_text("This is no database." * 100)
    empty.touch()
    _make(f"sqlite:///{other}")
    assert flaw(absent) == f"There is no MLflow database {absent}."
    assert flaw(tmp_path) == f"There is no MLflow database {tmp_path}."
    must = "must be an MLflow database, but"
    assert flaw(text) == f"{text} {must} got: file is not a database."
    assert flaw(empty) == f"{empty} {must} it holds nothing."
    assert flaw(other) == f"{other} {must} it holds t."
    assert sorted(tmp_path.iterdir()) == [empty, text, other]
    assert empty.stat().st_size == 0
