"""MLflow's server as one process that outlives nobody: it ends when its standard input does.

Whoever started it holds the other end of that pipe. However he ends, killed or not, the pipe ends
too, and then this process ends itself, with all of its own group.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from regsearch.tracking.interpreter import imported

GRACE_SECONDS = 5.0
# What `mlflow server` also takes from the environment, and what no link of ours would survive.
NOT_OURS = (  # prefixes
    "MLFLOW_STATIC_PREFIX",
    "MLFLOW_EXPOSE_PROMETHEUS",
    "UVICORN_",
    "MLFLOW_UVICORN_",
    "MLFLOW_GUNICORN_",
    "MLFLOW_WAITRESS_",
)


def end_with_owner() -> None:
    """Has this process end when its standard input does, which is nobody else's from now on."""
    threading.Thread(target=_end_with_pipe, args=(os.dup(0),), daemon=True).start()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the server's own children hold no end of the pipe


def serve(arguments: Sequence[str]) -> None:
    """Runs `mlflow server` in this process, which has not imported `mlflow.server` before."""
    for name in list(os.environ):
        if name.startswith(NOT_OURS):
            del os.environ[name]
    _serve_here()
    imported("mlflow.cli")
    sys.argv = ["mlflow", "server", *arguments]
    runpy.run_module("mlflow", run_name="__main__", alter_sys=True)


def _end_with_pipe(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _serve_here() -> None:
    """Spares a process: MLflow starts uvicorn in another one, which imports it all once more.

    MLflow has no setting for that; in a version without `_exec_cmd` it starts the other one as
    ever. What MLflow does after that call does not happen: it passes signals on, and runs jobs,
    which `SERVER_SETTINGS` switches off.
    """
    # First: by it MLflow's app knows, as it is imported, that it is a server and must be guarded.
    uvicorn = imported("uvicorn")
    server = imported("mlflow.server")
    start: Callable[..., Any] | None = vars(server).get("_exec_cmd")
    if start is None:
        return

    def run(command: Sequence[str], **how: Any) -> Any:
        if "uvicorn" not in command or "extra_env" not in how:
            return start(command, **how)
        os.environ.update(how["extra_env"])
        return uvicorn.main(command[command.index("uvicorn") + 1 :])

    vars(server)["_exec_cmd"] = run
