"""One coordinator a storage: a lock on a file beside it, which ends with its process."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regsearch.search.errors import StorageError, StorageHeldError


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file while the context lasts; its folder is made where it is missing.

    Args:
        path: The lock file; it stays when the lock is given back, because removing it would let two
            processes hold two files of one name.
        what: What the lock protects, for the errors.

    Raises:
        StorageHeldError: If another process holds it.
        StorageError: If the file cannot be written, or its file system has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise StorageError(
            f"The folder of {what} must be writable, but got {error}. Choose another one: "
            'Study(storage="sqlite:////a/folder/of/yours/regsearch.db").'
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise StorageHeldError(
                f"One process at a time may search in {what}, but process "
                f"{file.read().strip() or '(unknown)'} has it open. Wait for it, stop it, or give "
                "this study another storage."
            ) from error
        except OSError as error:  # Lustre without -o flock, NFS without its lock service
            raise StorageError(
                f"The file system of {path} must be able to lock files, or two processes could "
                f"search in {what} at once, but got {error}. Keep the study on a local disk, "
                'Study(storage="sqlite:////a/local/folder/regsearch.db"), or have the file system '
                "mounted with locks."
            ) from error
        file.truncate(0)
        file.write(f"{this_process()}\n")
        file.flush()
        yield


def this_process() -> str:
    """Returns what names this process to somebody who waits for it, perhaps elsewhere."""
    return f"{os.getpid()} on {socket.gethostname()}"
