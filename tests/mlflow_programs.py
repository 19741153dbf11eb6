"""What talks to MLflow, in forks of a process that has imported it, which takes five seconds.

The programs are the package's own; each has its process, its environment, its pipes. Only the
interpreter does not start afresh, as it does in studies that run as programs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from typing import IO

from regsearch.tracking import interpreter
from regsearch.tracking.interpreter import Stream, environment
from tests.interpreters import Interpreters
from tests.programs import Program

STORES = Interpreters(
    "uvicorn",
    "mlflow.cli",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.server.fastapi_app",
    more=environment(),
)
SHIPPER = "regsearch.tracking.shipper"


def start(
    module: str,
    *arguments: str,
    more: Mapping[str, str] | None = None,
    start_new_session: bool = False,
    **streams: Stream,
) -> Program:
    """Does what `regsearch.tracking.interpreter.start` does."""
    assert start_new_session, f"a ctrl-C would end {module}"
    told = ["-m", interpreter.__name__, module, *arguments]
    if module == SHIPPER:
        assert told[5] == str(os.getpid())
        told[5] = str(STORES.template.pid)  # whose child it is
    with ExitStack() as theirs:
        modes = {"stdin": "rb", "stdout": "wb", "stderr": "wb"}
        pairs = [_pair(streams[name], mode, theirs) for name, mode in modes.items()]
        program = STORES.launch(told, {**environment(), **(more or {})}, [end for _, end in pairs])
    program.stdin, program.stdout, program.stderr = (end for end, _ in pairs)
    return program


def _pair(asked: Stream, mode: str, theirs: ExitStack) -> tuple[IO[bytes] | None, int]:
    """Returns our end of a stream, if there is one, and the program's."""
    if asked == subprocess.DEVNULL:
        return None, theirs.enter_context(open(os.devnull, mode)).fileno()
    if asked != subprocess.PIPE:
        return None, asked if isinstance(asked, int) else asked.fileno()
    reading, writing = os.pipe()
    if mode == "rb":
        return open(writing, "wb", 0), theirs.enter_context(open(reading, "rb")).fileno()
    return open(reading, "rb"), theirs.enter_context(open(writing, "wb")).fileno()
