"""What talks to MLflow, in forks of a process that has imported it, which takes five seconds.

The programs are the package's own, and MLflow's server; each has its process, its environment, its
pipes. Only the interpreter does not start afresh, as it does in studies that run as programs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from regsearch.tracking.interpreter import environment
from tests.interpreters import Interpreters
from tests.programs import Program

STORES = Interpreters(
    "uvicorn",
    "mlflow.cli",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.server.fastapi_app",
    more=environment(),
)
SERVER = Path(__file__).with_name("mlflow_server.py")


def start(
    module: str,
    *arguments: str,
    more: Mapping[str, str] | None = None,
    start_new_session: bool = True,
    **streams: Any,
) -> Program:
    """Does what `regsearch.tracking.interpreter.start` does."""
    variables = {**environment(), **(more or {})}
    return started(["-m", module, *arguments], variables, **streams)


def started(
    arguments: list[str],
    variables: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[Any],
    stderr: int | IO[Any],
) -> Program:
    """Starts a program with the streams of `subprocess.Popen`."""
    with ExitStack() as theirs:
        ours: list[IO[bytes] | None] = []
        ends = []
        for asked, mode in ((stdin, "rb"), (stdout, "wb"), (stderr, "wb")):
            our_end, their_end = _pair(asked, mode, theirs)
            ours.append(our_end)
            ends.append(their_end)
        told = [_with_parent(argument) for argument in arguments]
        program = STORES.launch(told, variables, ends)
    program.stdin, program.stdout, program.stderr = ours
    return program


def _pair(asked: int | IO[Any], mode: str, theirs: ExitStack) -> tuple[IO[bytes] | None, int]:
    """Returns our end of a stream, if there is one, and the program's."""
    if asked == subprocess.DEVNULL:
        return None, theirs.enter_context(open(os.devnull, mode)).fileno()
    if asked != subprocess.PIPE:
        return None, asked if isinstance(asked, int) else asked.fileno()
    reading, writing = os.pipe()
    if mode == "rb":
        return open(writing, "wb", 0), theirs.enter_context(open(reading, "rb")).fileno()
    return open(reading, "rb"), theirs.enter_context(open(writing, "wb")).fileno()


def _with_parent(argument: str) -> str:
    """Names the template where a program is told whose child it is."""
    return str(STORES.pid) if argument == str(os.getpid()) else argument
