"""One spool on its way into its store, chunk by chunk.

A chunk counts as shipped when the store has acknowledged all of it and the new offset is on disk.
Anything that goes wrong before leaves the offset where it was: the chunk is written again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from regsearch.tracking.answers import Unreachable
from regsearch.tracking.events import Event
from regsearch.tracking.progress import Progress
from regsearch.tracking.scribe import Scribe
from regsearch.tracking.spool import Spool
from regsearch.tracking.store import Store

CHUNK_BYTES = 128_000
LARGEST_CHUNK = 8 * CHUNK_BYTES  # MLflow takes a metric of many in half the time of one of a few
CHUNK_SECONDS = 3.0  # a study that ends waits for `patience` without one, 10 s as a rule
STRIKES = 3


class Shipment:
    """Ships one spool, whose lock the caller holds.

    Args:
        spool: What to ship.
        lock: The descriptor that holds the spool's lock.
    """

    def __init__(self, spool: Spool, lock: int) -> None:
        self.spool = spool
        self.progress = Progress.load(spool.progress)
        self.progress.connected = False
        self.progress.error = ""
        self._lock = lock
        self._scribe: Scribe | None = None
        self._strikes = 0
        self._chunk_bytes = CHUNK_BYTES

    def step(self) -> bool:
        """Ships the next chunk; False if there was nothing to ship.

        Raises:
            Unreachable: If the store did not answer.
            Exception: If a chunk cannot be shipped for another reason. The third time, the event in
                question is left out instead.
        """
        chunk = list(self._chunk())
        if not chunk:
            return False
        start = time.monotonic()
        self._write([event for event, _ in chunk])
        self._resize(chunk[-1][1] - self.progress.offset, time.monotonic() - start)
        self.progress.offset = chunk[-1][1]
        self.progress.error = ""
        self.progress.save(self.spool.progress)
        self._strikes = 0
        return True

    def _resize(self, shipped: int, seconds: float) -> None:
        """Makes the next chunk as large as one that would have taken `CHUNK_SECONDS`."""
        fitting = int(CHUNK_SECONDS * shipped / max(seconds, 1e-3))
        self._chunk_bytes = min(LARGEST_CHUNK, max(CHUNK_BYTES, fitting))

    def _chunk(self) -> Iterator[tuple[Event, int]]:
        """Yields the next events; a single one where each must be acknowledged by itself."""
        start = self.progress.offset
        alone = start == 0 or self._strikes > 0
        for event, end in self.spool.read(start):
            yield event, end
            if alone or end - start > self._chunk_bytes:
                return

    def _write(self, events: list[Event]) -> None:
        scribe = self._resumed()
        if self._strikes >= STRIKES:
            scribe.recall(events[0])
            return
        try:
            for event in events:
                scribe.write(event)
            scribe.flush()
        except Exception as error:
            self._scribe = None
            self._strike(error)
            raise

    def _strike(self, error: Exception) -> None:
        if isinstance(error, Unreachable):
            return
        self._strikes += 1
        if self._strikes == STRIKES:
            self.progress.refused = f"{type(error).__name__}: {error}"[:500]

    def _resumed(self) -> Scribe:
        """Returns a scribe that knows all that is shipped already."""
        if self._scribe is None:
            opening = self.spool.opening()
            store = Store(opening["uri"], opening["experiment"])
            self.progress.connected = True
            scribe = Scribe(store, opening, self.progress)
            for event, end in self.spool.read():
                if end > self.progress.offset:
                    break
                scribe.recall(event)
            self.progress.save(self.spool.progress)
            self._scribe = scribe
        return self._scribe

    def conclude(self) -> None:
        """Ends what the session left open, and deletes the spool: all of it is shipped.

        Raises:
            Unreachable: If the store did not answer; nothing is deleted.
        """
        if self.progress.offset:
            scribe = self._resumed()
            try:
                scribe.abandon()
            except Exception:
                self._scribe = None
                raise
        self.spool.remove()
        self.release()

    def release(self) -> None:
        """Lets another process ship the spool."""
        os.close(self._lock)
