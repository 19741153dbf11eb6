"""Programs of tests that start at once, without the seconds that importing Lightning takes.

A template process imports what is slow, once, and is forked for each program. What is forked
becomes the interpreter that the test asked for, with a session, folder, environment, arguments and
standard streams of its own, and a `__main__` that other processes can import. To the test it is
like a `subprocess.Popen`. The code under test is not in the template: each program imports it.

What only a fresh interpreter shows (what is imported, the seed of hashes) needs a fresh one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

ROOT = Path(__file__).parents[1]
TEMPLATE = Path(__file__).with_name("template.py")


def environment() -> dict[str, str]:
    """Returns this process's environment, and the checkout among the places to import from."""
    places = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}


def fresh(arguments: Sequence[str], *, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter of its own to its end, and returns what it has said."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        start_new_session=True,
    )


@contextmanager
def fresh_started(*arguments: str, errors: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Starts a program in an interpreter of its own, which is dead when the block ends.

    Args:
        arguments: What `python` is given.
        errors: Where it writes to stderr, as `subprocess.Popen` takes it; ours by default.
    """
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment(),
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Program:
    """A program that has been started.

    Attributes:
        pid: Its process, and its session.
        stdout: What it prints, unless that goes to a file of the test's.
    """

    def __init__(self, pid: int, stdout: IO[str], end: socket.socket) -> None:
        self.pid = pid
        self.stdout = stdout
        self._end = end
        self._status: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Returns its exit status, below 0 for a signal, as soon as it has ended."""
        if self._status is None:
            self._end.settimeout(timeout)
            self._status = _told(self._end)
        return self._status

    def send_signal(self, number: signal.Signals) -> None:
        """Signals it, if it has not ended."""
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it, but nothing that it has started."""
        self.send_signal(signal.SIGKILL)


def _told(end: socket.socket) -> int:
    """Returns the next number that the template tells of a program."""
    number = end.recv(64)
    assert number, "the template must live as long as its programs, but it has died: see its stderr"
    return int(number)


class Interpreters:
    """A template process, started when it is first needed, and its programs.

    Args:
        modules: What it imports.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules

    @contextmanager
    def started(
        self,
        arguments: Sequence[str],
        *,
        folder: Path | None = None,
        more: dict[str, str] | None = None,
        output: int | None = None,
        errors: int | None = None,
    ) -> Iterator[Program]:
        """Runs a program, which is dead when the block ends.

        Args:
            arguments: What `python` is given: "-c" and code, or a file, and the program's own.
            folder: Its working directory; this process's by default.
            more: Variables beside this process's own, and the checkout to import from.
            output: Descriptor of the file it prints to; the program's `stdout` by default.
            errors: Descriptor of the file that takes what it writes to stderr; ours by default.
        """
        order = {
            "arguments": list(arguments),
            "folder": str(folder or Path.cwd()),
            "environment": environment() | (more or {}),
        }
        reading, writing = os.pipe()
        end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end, open(reading, encoding="utf-8") as stdout:
            with open(os.devnull, "rb") as nothing, open(writing, "wb") as pipe, theirs:
                ends = [nothing.fileno(), output or pipe.fileno(), errors or 2, theirs.fileno()]
                socket.send_fds(self._orders, [json.dumps(order).encode()], ends)
            program = Program(_told(end), stdout, end)
            try:
                yield program
            finally:
                program.kill()
                program.wait()

    def run(
        self, arguments: Sequence[str], *, folder: Path | None = None, timeout: float = 240.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end, and returns what it has said."""
        with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
            with self.started(
                arguments, folder=folder, output=output.fileno(), errors=errors.fileno()
            ) as program:
                status = program.wait(timeout)
            for file in (output, errors):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, status, output.read(), errors.read())

    @cached_property
    def _orders(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", str(TEMPLATE), str(theirs.fileno()), *self._modules]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                start_new_session=True,
            )
        return ours

    def close(self) -> None:
        """Ends the template, if it was ever started; a new one starts if it is needed again."""
        if "_orders" in self.__dict__:
            self._orders.close()
            self._process.wait()
            del self._orders


LEARNERS = Interpreters(
    "torch", "lightning.pytorch", "pytorch_lightning", "optuna", "pandas", "sklearn.linear_model"
)
