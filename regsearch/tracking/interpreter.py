"""Interpreters of their own for what imports MLflow, beside the process that asks for them.

MLflow takes seconds to import, and much memory; a study, and a command that waits, need neither.

    python -m regsearch.tracking.interpreter MODULE ARGUMENTS
"""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MKL_NUM_THREADS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}
_REQUEST_SECONDS = "20"


Stream = int | IO[Any]
"""A standard stream, as `subprocess.Popen` takes it."""


def start(
    module: str,
    *arguments: str,
    stdin: int,
    stdout: Stream,
    stderr: Stream,
    more: Mapping[str, str] | None = None,
    start_new_session: bool = False,
) -> subprocess.Popen[bytes]:
    """Runs a module of this package as the program of another interpreter.

    Args:
        module: Its name; its `main` gets the arguments.
        arguments: The program's own.
        stdin: Where it reads; see `subprocess.Popen`, as for the others.
        stdout: Where it prints.
        stderr: Where it complains.
        more: Variables beside those of `environment`.
        start_new_session: Whether a ctrl-C in this process's terminal is none of its business.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, module, *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**environment(), **(more or {})},
        start_new_session=start_new_session,
    )


def environment() -> dict[str, str]:
    """Returns the environment of a process that talks to MLflow, and finds this package."""
    package = str(Path(__file__).absolute().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    timeout = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", _REQUEST_SECONDS)
    settings = {**_SETTINGS, "PYTHONPATH": path, "MLFLOW_HTTP_REQUEST_TIMEOUT": timeout}
    return {**os.environ, **settings}


def main(arguments: Sequence[str]) -> None:
    """Runs a module of this package, in the interpreter that `start` starts."""
    module, *own = arguments
    imported(module).main(own)


def imported(module: str) -> Any:
    """Imports a module without looking for garbage, neither meanwhile nor in it later on."""
    gc.disable()
    found = importlib.import_module(module)
    gc.freeze()
    gc.enable()
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
