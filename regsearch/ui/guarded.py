"""MLflow's server as a process that outlives nobody: it ends when its standard input does.

    python -m regsearch.ui.guarded ARGUMENTS OF mlflow server

Whoever started it holds the other end of that pipe. However he ends, killed or not, the pipe ends
too, and then this process ends the server's processes: all those of its own group.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence

GRACE_SECONDS = 5.0


def main(arguments: Sequence[str]) -> None:
    """Runs `mlflow server` in this process."""
    threading.Thread(target=_end_with_owner, args=(os.dup(0),), daemon=True).start()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the server's own children hold no end of the pipe
    sys.argv = ["mlflow", "server", *arguments]
    runpy.run_module("mlflow", run_name="__main__", alter_sys=True)


def _end_with_owner(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
