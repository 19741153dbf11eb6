from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from regsearch.tracking.database import make_database


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
