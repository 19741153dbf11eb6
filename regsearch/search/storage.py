"""Where a study's trials are kept: a database this process alone writes to, or memory."""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from regsearch.search.errors import StorageError
from regsearch.search.lock import held, this_process
from regsearch.search.mirror import MirroredStorage
from regsearch.search.server import HOLDER, connected_to_server
from regsearch.search.server_lock import has_locks
from regsearch.trials import Direction


@dataclass(frozen=True)
class OpenStudy:
    """A study whose storage this process holds.

    Attributes:
        study: The Optuna study.
        weights: The folder of its trials' weights.
        text: Where it is stored, for people.
    """

    study: optuna.Study
    weights: Path
    text: str


@contextmanager
def opened(storage: str | None, name: str, direction: Direction) -> Iterator[OpenStudy]:
    """Opens a study, new or as stored, for this process alone.

    SQLite runs in WAL mode with synchronous=NORMAL: a crash of the process loses nothing, and a
    power failure at most the last moments.

    Args:
        storage: A database URL as Optuna takes it; None keeps the study in memory.
        name: The study's name.
        direction: "minimize" or "maximize", for a new study.

    Raises:
        StorageHeldError: If another process searches in this SQLite file, or in this study of a
            database server. Of other databases, only processes in this folder are seen.
        StorageError: If the storage cannot be opened, or later on not be written.
    """
    with quiet_optuna(), ExitStack() as stack:
        if storage is None:
            yield _in_memory(name, direction)
            return
        url = parsed(storage)
        text = url.render_as_string(hide_password=True)
        with _explained(text, ImportError):  # the database's driver
            if has_locks(url):
                disk = connected_to_server(storage, name, text)
            else:
                stack.enter_context(held(_lock_file(url, name), text))
                disk = _connected(storage, url)
        stack.callback(disk.engine.dispose)
        with _explained(text):
            optuna.create_study(
                study_name=name, storage=disk, direction=direction, load_if_exists=True
            )
            mirror = MirroredStorage(disk, name)
            if has_locks(url):
                mirror.set_study_user_attr(mirror.study_id, HOLDER, this_process())
        study = optuna.load_study(study_name=name, storage=mirror)
        with _explained(text):
            yield OpenStudy(study, _beside(url, ".files") / str(mirror.study_id), text)
            mirror.flush()


def parsed(storage: str) -> URL:
    """Returns a storage's URL.

    Raises:
        ValueError: If it is none.
    """
    try:
        url = make_url(storage)
    except ArgumentError as error:
        raise ValueError(
            "storage must be a database URL such as 'sqlite:///regsearch.db', or None for memory, "
            f"but got {storage!r}."
        ) from error
    if _is_file(url) and url.database in (None, "", ":memory:"):
        raise ValueError(f"storage must name a file, but got {storage!r}. Use None for memory.")
    if _is_file(url) and Path(str(url.database)).is_dir():
        raise ValueError(
            f"storage must name a file, but {storage!r} is a folder. Add a name to it."
        )
    return url


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keeps Optuna's notes of studies created to itself; warnings pass."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _in_memory(name: str, direction: Direction) -> OpenStudy:
    study = optuna.create_study(study_name=name, direction=direction)
    folder = Path(tempfile.mkdtemp(prefix="regsearch-"))
    weakref.finalize(study, shutil.rmtree, folder, ignore_errors=True)
    return OpenStudy(study, folder, "memory")


def _connected(storage: str, url: URL) -> optuna.storages.RDBStorage:
    options = {"connect_args": {"timeout": 60}} if _is_file(url) else None
    disk = optuna.storages.RDBStorage(storage, engine_kwargs=options)
    if _is_file(url):
        sqlalchemy.event.listen(disk.engine, "connect", _set_pragmas)
        disk.engine.dispose()  # the connection from before the listener
    return disk


@contextmanager
def _explained(storage: str, *others: type[Exception]) -> Iterator[None]:
    kinds: tuple[type[Exception], ...] = (SQLAlchemyError, StorageInternalError, *others)
    try:
        yield
    except kinds as error:
        raise StorageError(
            f"{storage} must be a database that Optuna can write to, but got: {_cause(error)}. "
            "What is stored stays: mend the cause (is the disk full?) and run the study again."
        ) from error


def _cause(error: BaseException) -> BaseException:
    """Returns the database's own words, which SQLAlchemy's and Optuna's are wrapped around."""
    while isinstance(error, SQLAlchemyError | StorageInternalError):
        inner = error.__cause__
        if inner is None:
            break
        error = inner
    return error


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _lock_file(url: URL, name: str) -> Path:
    """Returns the lock of a whole SQLite file, or of one study in a database elsewhere."""
    return _beside(url, ".lock" if _is_file(url) else f"-{zlib.crc32(name.encode()):08x}.lock")


def _beside(url: URL, ending: str) -> Path:
    """Returns a path beside a SQLite file, or one in `.regsearch` for a database elsewhere."""
    if _is_file(url):
        return Path(f"{url.database}{ending}").absolute()
    text = url.render_as_string(hide_password=True)
    return Path(".regsearch", f"{zlib.crc32(text.encode()):08x}{ending}").absolute()
