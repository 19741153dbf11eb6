"""How long MLflow may take over an answer to somebody who looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# With its own settings MLflow asks a server that is down for four minutes.
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@contextmanager
def quick_answers() -> Iterator[None]:
    """Has MLflow give up soon on a server that does not answer; not for several threads at once."""
    missing = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
