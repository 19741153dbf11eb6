"""A program that a template process was forked for, to whoever has asked for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from typing import IO, Any
from weakref import finalize


class Program:
    """A program that has been started; has of `subprocess.Popen` what is used in tests.

    Attributes:
        pid: Its process, and its session.
        returncode: Its exit status, below 0 for a signal; None as long as nobody has asked.
        stdin, stdout, stderr: This process's ends of its pipes, if it has any.

    Args:
        end: Where the template tells of it.
    """

    def __init__(self, end: socket.socket) -> None:
        self.pid = _told(end)
        self.returncode: int | None = None
        self.stdin: IO[Any] | None = None
        self.stdout: IO[Any] | None = None
        self.stderr: IO[Any] | None = None
        self._end = end
        finalize(self, end.close)

    def wait(self, timeout: float | None = None) -> int:
        """Returns its exit status as soon as it has ended."""
        if self.returncode is None:
            self._end.settimeout(timeout)
            try:
                self.returncode = _told(self._end)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from None
        return self.returncode

    def poll(self) -> int | None:
        """Returns its exit status; None if it has not ended."""
        with suppress(BlockingIOError):
            if self.returncode is None:
                self._end.setblocking(False)
                self.returncode = _told(self._end)
        return self.returncode

    def communicate(self) -> tuple[Any, Any]:
        """Returns what it says in all, a few lines each, once it has ended."""
        said, complaints = (None if f is None else f.read() for f in (self.stdout, self.stderr))
        self.wait()
        return said, complaints

    def send_signal(self, number: int) -> None:
        """Signals it, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kills it, but nothing that it has started."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        self.wait()


def _told(end: socket.socket) -> int:
    """Returns the next number that the template tells of a program."""
    number = end.recv(64)
    assert number, "the template must live as long as its programs, but it has died: see its stderr"
    return int(number)
