"""What MLflow's errors mean for what was to be stored: not now, or never.

StoreError
├── Unreachable   not now: the server is down or slow, the database locked, a disk full
└── Refused       never: MLflow says that this entry cannot be stored
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

_REFUSALS = {
    "INVALID_PARAMETER_VALUE",
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "BAD_REQUEST",
    "INVALID_STATE",
}

_WRONG_PLACE = (
    PermissionError,
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
)


class StoreError(Exception):
    """MLflow did not store something."""


class Unreachable(StoreError):
    """MLflow cannot be reached, or cannot store anything at the moment."""


class Refused(StoreError):
    """MLflow will not store this entry, however often it is asked."""


@contextmanager
def answered() -> Iterator[None]:
    """Tells what will pass from what will not; a file in the wrong place is neither.

    Raises:
        Unreachable: If it may be tried again.
        Refused: If it need not.
    """
    try:
        yield
    except MlflowException as error:
        kind = Refused if error.error_code in _REFUSALS else Unreachable
        raise kind(brief(error)) from error
    except _WRONG_PLACE:
        raise
    except (OSError, sqlite3.Error) as error:
        raise Unreachable(brief(error)) from error


def brief(error: Exception) -> str:
    """Returns an error in a line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"
