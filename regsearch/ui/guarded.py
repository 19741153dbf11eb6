"""MLflow's server as one process that outlives nobody: it ends when its standard input does.

    python -m regsearch.ui.guarded ARGUMENTS OF mlflow server

Whoever started it holds the other end of that pipe. However he ends, killed or not, the pipe ends
too, and then this process ends itself, with all of its own group.
"""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

GRACE_SECONDS = 5.0


def main(arguments: Sequence[str]) -> None:
    """Runs `mlflow server` in this process."""
    threading.Thread(target=_end_with_owner, args=(os.dup(0),), daemon=True).start()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the server's own children hold no end of the pipe
    _serve_here()
    sys.argv = ["mlflow", "server", *arguments]
    runpy.run_module("mlflow", run_name="__main__", alter_sys=True)


def _end_with_owner(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _serve_here() -> None:
    """Spares a process: MLflow starts uvicorn in another one, which imports it all once more.

    MLflow has no setting for that; a version that starts uvicorn in another way does so.
    """
    uvicorn = importlib.import_module("uvicorn")  # first: it tells MLflow that it is a server
    server = importlib.import_module("mlflow.server")
    start: Callable[..., Any] | None = vars(server).get("_exec_cmd")
    if start is None:
        return

    def run(command: Sequence[str], *, extra_env: Mapping[str, str], **how: Any) -> Any:
        if "uvicorn" not in command:
            return start(command, extra_env=extra_env, **how)
        os.environ.update(extra_env)
        return uvicorn.main(command[command.index("uvicorn") + 1 :])

    vars(server)["_exec_cmd"] = run


if __name__ == "__main__":
    main(sys.argv[1:])
