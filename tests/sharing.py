"""What the processes of one test run have in common."""

from __future__ import annotations

import os
from pathlib import Path


def first_process() -> int:
    """Returns the process that lives as long as the run: this one, or who hands out its tests."""
    return os.getppid() if _is_one_of_several() else os.getpid()


def shared(base: Path) -> Path:
    """Returns the folder of all test processes, given that of this one's temporary files."""
    return base.parent if _is_one_of_several() else base


def _is_one_of_several() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ
