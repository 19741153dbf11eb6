"""The study's end of the shipping process: starts it, watches it, waits for it, stops it.

An interpreter of its own in a session of its own: neither the study's threads nor a ctrl-C in its
terminal reach it. The pipe to its standard input is the sign of life: when the
study ends, in whatever way, the pipe ends.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from regsearch.tracking import interpreter
from regsearch.tracking.progress import Progress
from regsearch.tracking.spool import Spool, spools

START_SECONDS = 60.0
POLL_SECONDS = 0.05
RESTARTS = 3
LOOK_NOW = b"\n"
OVER = b"."


class Shipping:
    """The process that ships one spool.

    Args:
        spool: The spool, which exists.
        patience: Seconds without progress after which nobody waits any longer.
    """

    def __init__(self, spool: Spool, patience: float) -> None:
        self._spool = spool
        self._patience = patience
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def progress(self) -> Progress:
        """How far the spool is shipped."""
        return Progress.load(self._spool.progress)

    def tend(self) -> None:
        """Starts the process, again if it has died, but not for ever."""
        if not self._alive() and self._starts <= RESTARTS:
            self._starts += 1
            self._hang_up()
            self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        folder = self._spool.folder
        with self._spool.log.open("ab") as log:
            return interpreter.start(
                "regsearch.tracking.shipper",
                *(str(folder.parent), folder.name, str(os.getpid()), str(self._patience)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def drain(self) -> bool:
        """Waits while there is progress; returns whether all is shipped."""
        self._send(LOOK_NOW)
        state, since = self._state(), time.monotonic()
        while not self.delivered():
            self.tend()
            if not self._alive():
                return False
            time.sleep(POLL_SECONDS)
            before, state = state, self._state()
            if state != before:
                since = time.monotonic()
            if time.monotonic() - since > self._limit():
                return False
        return True

    def complaint(self) -> str:
        """Returns why nothing was shipped, as far as the process has not said so itself."""
        lines = self._spool.log.read_text(errors="replace").strip().splitlines()
        if self._alive() or not lines:
            return f"nothing happened for {self._patience:.0f} s"
        return f"the process that ships died: {lines[-1][:300]}"

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def delivered(self) -> bool:
        """Whether the store has acknowledged every event on disk."""
        return self.progress.offset >= self._spool.size

    def _limit(self) -> float:
        """Making a database takes its time; a store that has said no gets no such allowance."""
        progress = self.progress
        starting = not progress.connected and not progress.error
        return max(self._patience, START_SECONDS) if starting else self._patience

    def _state(self) -> list[tuple[int, int, bool]]:
        """Returns what changes with any progress, older spools' included: they come first."""
        found = [(spool.number, Progress.load(spool.progress)) for spool in spools(self._root)]
        return [(number, state.offset, state.connected) for number, state in found]

    @property
    def _root(self) -> Path:
        return self._spool.folder.parent

    def dismiss(self) -> None:
        """Tells the process that the study is over; it ships the rest, tidies up and exits."""
        self._send(OVER)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _send(self, message: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):  # it may be gone already
                os.write(self._process.stdin.fileno(), message)

    def stop(self, seconds: float) -> None:
        """Waits for the process to exit, and ends it if it takes longer."""
        if self._process is None:
            return
        for end in (self._process.terminate, self._process.kill):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                return
            end()
            seconds = max(seconds, 5.0)
        self._process.wait()
