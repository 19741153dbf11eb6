"""What the processes of one test run have in common."""

from __future__ import annotations

import os
from pathlib import Path


def shared(base: Path) -> Path:
    """Returns the folder of all test processes, given that of this one's temporary files."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
