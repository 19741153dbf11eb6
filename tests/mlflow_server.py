"""`mlflow server ...` in one process: of itself it starts uvicorn, which imports it all again."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import mlflow.server
import uvicorn
from mlflow.cli import cli


def _here(command: Sequence[str], *, extra_env: Mapping[str, str], **_: Any) -> None:
    """Takes the place of what starts the server's process."""
    os.environ.update(extra_env)
    uvicorn.main(command[command.index("uvicorn") + 1 :])


if __name__ == "__main__":
    mlflow.server._exec_cmd = _here
    cli(["server", *sys.argv[1:]])
