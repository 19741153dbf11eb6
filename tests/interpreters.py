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
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from tests.programs import Program
from tests.templates import Template

ROOT = Path(__file__).parents[1]


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


class Interpreters:
    """Starts programs in forks of a template process.

    Attributes:
        template: That process.

    Args:
        modules: What it imports.
        more: Variables with which it imports them, beside this process's own.
    """

    def __init__(self, *modules: str, more: Mapping[str, str] | None = None) -> None:
        self.template = Template(modules, more or {})

    def launch(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        streams: Sequence[int],
        folder: Path | None = None,
    ) -> Program:
        """Starts a program.

        Args:
            arguments: What `python` is given: "-c" and code, "-m" and a module, or a file, and the
                program's own.
            variables: Its environment.
            streams: Descriptors of its standard streams.
            folder: Its working directory; this process's by default.
        """
        order = {
            "arguments": list(arguments),
            "folder": str(folder or Path.cwd()),
            "environment": {**variables},
        }
        end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(
                self.template.orders, [json.dumps(order).encode()], [*streams, theirs.fileno()]
            )
        return Program(end)

    @contextmanager
    def started(
        self,
        arguments: Sequence[str],
        *,
        folder: Path | None = None,
        more: Mapping[str, str] | None = None,
        output: int | None = None,
        errors: int | None = None,
    ) -> Iterator[Program]:
        """Runs a program, which is dead when the block ends.

        Args:
            arguments: See `launch`.
            folder: See `launch`.
            more: Variables beside this process's own, and the checkout to import from.
            output: Descriptor of the file it prints to; the program's `stdout` by default.
            errors: Descriptor of the file that takes what it writes to stderr; ours by default.
        """
        reading, writing = os.pipe()
        with open(reading, encoding="utf-8") as stdout:
            with open(os.devnull, "rb") as nothing, open(writing, "wb") as pipe:
                streams = [nothing.fileno(), output or pipe.fileno(), errors or 2]
                variables = {**environment(), **(more or {})}
                program = self.launch(arguments, variables, streams, folder)
            program.stdout = stdout
            try:
                yield program
            finally:
                program.kill()
                program.wait()

    def run(
        self, arguments: Sequence[str], *, timeout: float = 240.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end, and returns what it has said."""
        with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
            with self.started(arguments, output=output.fileno(), errors=errors.fileno()) as program:
                status = program.wait(timeout)
            for file in (output, errors):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, status, output.read(), errors.read())


LEARNERS = Interpreters(
    "torch",
    "lightning.pytorch",
    "pytorch_lightning",
    "optuna",
    "sqlalchemy.orm",
    "alembic.command",
    "pandas",
    "sklearn.linear_model",
    "plotly.graph_objects",
)
