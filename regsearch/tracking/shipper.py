"""The process that ships spools, an interpreter of its own beside the study.

Its arguments: FOLDER NUMBER PARENT PATIENCE

MLflow's work thus never holds up a training step. The process serves the spool NUMBER in FOLDER
while its writer, the process PARENT, is alive, after what older sessions left for the same store.
It knows that the writer is done by its standard input: a pipe that ends, whatever the writer died
of. Then it ships what is left, deletes what is shipped, and exits; if the store is down it gives up
after PATIENCE seconds, and the next session's shipper finds the rest.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path

from regsearch.tracking.answers import Unreachable
from regsearch.tracking.shipment import Shipment
from regsearch.tracking.shipping import OVER
from regsearch.tracking.spool import Spool, spools

IDLE_SECONDS = 1.0
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
SETBACKS = 5
NICENESS = 5


class Writer:
    """The process that writes the spool, seen through the pipe it holds.

    Args:
        parent: Its id.
        patience: How many seconds it wants a silent store to be asked again once it is done.
    """

    def __init__(self, parent: int, patience: float) -> None:
        self.patience = patience
        self._parent = parent
        self._done = False

    @property
    def done(self) -> bool:
        """Whether it has said so, or died; forked children may hold its pipe open after that."""
        if not self._done and self._speaks(0.0):
            message = os.read(0, 1024)
            self._done = message == b"" or OVER in message
        self._done = self._done or os.getppid() != self._parent
        return self._done

    def wait(self, seconds: float) -> None:
        """Waits, no longer than until the writer has something to say."""
        if self._done:
            time.sleep(seconds)
        else:
            self._speaks(seconds)

    def _speaks(self, seconds: float) -> bool:
        return bool(select.select([0], [], [], seconds)[0])


class Shipper:
    """Ships one session's spool, and the older ones that nobody ships.

    Args:
        own: The session's spool.
        lock: The descriptor that holds its lock.
        writer: The session.
    """

    def __init__(self, own: Spool, lock: int, writer: Writer) -> None:
        self._own = Shipment(own, lock)
        self._older: Shipment | None = None
        self._aside: set[Path] = set()
        self._writer = writer
        self._failures = 0
        self._setbacks = 0
        self._silent_since = time.monotonic()

    def run(self) -> None:
        """Ships until the writer is done and nothing is left, or the store stays silent."""
        self._own.progress.save(self._own.spool.progress)
        while True:
            done = self._writer.done
            try:
                if self._step():
                    self._answered()
                elif done and not self._waits():
                    return self._own.conclude()
                else:
                    self._writer.wait(IDLE_SECONDS)
            except Exception as error:
                self._failed(error)
                if done and time.monotonic() - self._silent_since > self._writer.patience:
                    return None

    def _step(self) -> bool:
        """Ships one chunk, the oldest spool first; False if there was none."""
        if self._older is None:
            self._older = self._adopted()
        if self._older is not None:
            return self._step_older(self._older)
        return not self._waits() and self._own.step()

    def _step_older(self, older: Shipment) -> bool:
        """Ships a chunk of an older spool; sets it aside where it cannot be, so as not to wait."""
        try:
            if not older.step():
                older.conclude()
                self._older = None
        except Unreachable:
            raise
        except Exception:
            self._setbacks += 1
            if self._setbacks < SETBACKS:
                raise
            traceback.print_exc()
            self._aside.add(older.spool.folder)
            older.release()
            self._older = None
        self._setbacks = 0
        return True

    def _adopted(self) -> Shipment | None:
        """Returns the oldest spool of the same store that has neither writer nor shipper."""
        for spool in self._candidates():
            lock = spool.take()
            if lock is not None:
                return Shipment(spool, lock)
        return None

    def _waits(self) -> bool:
        """Whether another process still ships what an older session of the same study left."""
        return any(_study(spool) == _study(self._own.spool) for spool in self._candidates())

    def _candidates(self) -> list[Spool]:
        own = self._own.spool
        older = [spool for spool in spools(own.folder.parent) if spool.number < own.number]
        return [
            spool
            for spool in older
            if spool.folder not in self._aside
            and spool.opening().get("uri") == own.opening().get("uri")
            and not spool.written()
        ]

    def _answered(self) -> None:
        progress = self._own.progress
        if progress.error:
            progress.error = ""
            progress.save(self._own.spool.progress)
        self._failures = 0
        self._silent_since = time.monotonic()

    def _failed(self, error: Exception) -> None:
        """Says why nothing is shipped, and waits longer each time."""
        traceback.print_exception(error)
        progress = self._own.progress
        if not progress.error:
            progress.since = time.time()
        progress.error = str(error)[:500] or type(error).__name__
        try:
            progress.save(self._own.spool.progress)
        except OSError:
            traceback.print_exc()
        self._writer.wait(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)])
        self._failures += 1


def _study(spool: Spool) -> object:
    return spool.opening().get("study", {}).get("name")


def main(arguments: list[str]) -> None:
    """Ships the spool that the arguments name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    folder, number, parent, patience = arguments
    own = Spool(Path(folder, number))
    lock = own.take()
    if lock is None:
        sys.exit(f"The spool must exist and have no other shipper, but got {own.folder}.")
    Shipper(own, lock, Writer(int(parent), float(patience))).run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the study waits for it, and taking apart all that MLflow imports takes a second
