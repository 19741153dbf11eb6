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


def is_mlflows(file: Path) -> bool:
    """Tells whether a SQLite file holds MLflow's tables; MLflow would add them to any other."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
        try:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        except sqlite3.DatabaseError:
            return False
    return {"experiments", "runs", "alembic_version"} <= tables


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Holds the lock of the folder itself, which needs no file that would stay behind."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
