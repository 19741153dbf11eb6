"""Whether a process may be forked once a user's modules have been imported into it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path


def can_fork() -> bool:
    """Tells whether what has been imported so far leaves this process fit to be forked."""
    return sys.platform == "linux" and threading.active_count() == 1 and not _has_touched_a_gpu()


def _has_touched_a_gpu() -> bool:
    """Tells whether CUDA's or ROCm's driver is in use: a fork of this process could not use it."""
    targets = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            targets.append(os.readlink(descriptor))
    return any(target.startswith(("/dev/nvidia-uvm", "/dev/kfd")) for target in targets)
