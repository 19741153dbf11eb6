"""The append-only log on disk between a study and its tracking store.

A study writes events into a spool of its own, which costs it microseconds; another process reads
them and ships them. Spools live side by side in one folder, under numbers:

    .regsearch/spool/7/events.jsonl      one event a line; its writer holds a lock on it
    .regsearch/spool/7/progress.json     how far it is shipped; see `progress.py`
    .regsearch/spool/7/lock              held by the process that ships it
    .regsearch/spool/7/shipper.log       what that process had to say

Locks are the kernel's (`flock`), so whatever dies lets go of its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regsearch.tracking.events import Event, decode, encode


@dataclass(frozen=True)
class Spool:
    """The places of one spool."""

    folder: Path

    @property
    def number(self) -> int:
        """Its number; a later spool has a higher one."""
        return int(self.folder.name)

    @property
    def events(self) -> Path:
        """The events."""
        return self.folder / "events.jsonl"

    @property
    def progress(self) -> Path:
        """How far they are shipped."""
        return self.folder / "progress.json"

    @property
    def log(self) -> Path:
        """What the process that ships them had to say."""
        return self.folder / "shipper.log"

    @property
    def size(self) -> int:
        """Bytes of events; 0 if the spool is gone."""
        try:
            return self.events.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, offset: int = 0) -> Iterator[tuple[Event, int]]:
        """Yields each event from `offset` on with the offset behind it; leaves a torn last line."""
        with self.events.open("rb") as lines:
            lines.seek(offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                yield decode(line), offset

    def opening(self) -> Event:
        """Returns the first event; an empty one if there is none."""
        try:
            return next((event for event, _ in self.read()), {})
        except FileNotFoundError:
            return {}

    def written(self) -> bool:
        """Whether a living process may still append."""
        lock = try_lock(self.events)
        if lock is not None:
            os.close(lock)
        return lock is None

    def take(self) -> int | None:
        """Locks the spool for shipping; None if another process ships it, or it is gone."""
        lock = try_lock(self.folder / "lock", os.O_CREAT)
        if lock is not None and not self.events.exists():
            os.close(lock)
            return None
        return lock

    def remove(self) -> None:
        """Deletes the spool."""
        shutil.rmtree(self.folder, ignore_errors=True)


def spools(root: Path) -> list[Spool]:
    """Returns the spools in a folder, the oldest first."""
    if not root.is_dir():
        return []
    numbered = [Spool(entry) for entry in root.iterdir() if entry.name.isdecimal()]
    return sorted(numbered, key=lambda spool: spool.number)


def try_lock(path: Path, flags: int = 0) -> int | None:
    """Returns a descriptor that holds the file's lock; None if another one does, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class SpoolWriter:
    """Appends events to a new spool; keeps in memory what the disk does not take.

    Args:
        root: The folder of all spools; made when the first event comes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pending = bytearray()
        self._descriptor: int | None = None
        self.spool: Spool | None = None

    @property
    def pending(self) -> int:
        """Bytes that are not on disk yet."""
        return len(self._pending)

    def append(self, event: Event) -> None:
        """Writes an event, after those still pending.

        Raises:
            OSError: If the disk does not take it; it stays pending.
        """
        self._pending += encode(event)
        self.flush()

    def flush(self) -> None:
        """Writes what is pending.

        Raises:
            OSError: If the disk does not take it all; the rest stays pending.
        """
        if self._descriptor is None:
            self.spool, self._descriptor = _claim(self._root)
        while self._pending:
            written = os.write(self._descriptor, self._pending)
            del self._pending[:written]

    def close(self) -> None:
        """Lets go of the spool: from now on any process may ship and delete it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _claim(root: Path) -> tuple[Spool, int]:
    """Makes the next spool; nobody ever sees it without its events file and the writer's lock."""
    root.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=".", dir=root))
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(hidden / "events.jsonl", flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return _named(hidden, root), descriptor
    except OSError:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def _named(hidden: Path, root: Path) -> Spool:
    number = max((spool.number for spool in spools(root)), default=0) + 1
    while True:
        target = root / str(number)
        try:
            return Spool(hidden.rename(target))
        except OSError:
            if not target.exists():
                raise
            number += 1
