"""A new SQLite database appears whole or not at all.

MLflow makes one in dozens of migrations. Two processes that do so at once, or one that is killed
halfway, leave a file that no version of MLflow ever opens again. So one process at a time makes it,
under another name, and renames it at the end.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

MLFLOWS = {"experiments", "runs", "alembic_version"}  # among its tables


def make_database(file: Path, make: Callable[[str], object]) -> None:
    """Makes the database unless it is there.

    Args:
        file: Where it must be in the end; its folder is made if need be.
        make: Makes a database of the SQLAlchemy URI it is given.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(file.parent):
        if file.exists():
            return
        unfinished = file.with_name(f".{file.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        make(f"sqlite:///{unfinished.absolute()}")
        os.replace(unfinished, file)


def flaw(file: Path) -> str:
    """Returns why a file is no SQLite database of MLflow's; "" if it is one.

    It is looked at before MLflow opens it: that would make one that is not there, and add its
    tables to any other.
    """
    if not file.is_file():
        return f"There is no MLflow database {file}."
    try:
        tables = _tables(file)
    except sqlite3.Error as error:
        return f"{file} must be an MLflow database, but got: {error}."
    if tables >= MLFLOWS:
        return ""
    some = ", ".join(sorted(tables)[:5]) or "nothing"
    return f"{file} must be an MLflow database, but it holds {some}."


@contextmanager
def opened(file: Path, wait: float = 5.0) -> Iterator[sqlite3.Connection]:
    """Opens a SQLite file that must be there, read only.

    Args:
        file: The file.
        wait: Seconds for whoever writes.
    """
    address = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, wait, uri=True)) as database:
        yield database


def _tables(file: Path) -> set[str]:
    with opened(file) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Holds the lock of the folder itself, which needs no file that would stay behind."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
