"""How a process dies with its parent, whatever the parent died of.

Linux sends a signal when a parent ends. Elsewhere a thread waits for the end of the pipe that
multiprocessing keeps to the parent; not on Linux, since a process with threads should not fork, as
data loaders do. Neither needs the parent's help, so both work after `kill -9`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from multiprocessing import connection, parent_process

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def signal_at_parents_end(signum: signal.Signals) -> None:
    """Has Linux send this process a signal when the thread that started it ends; else nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum))


def die_with_parent(parent: int) -> None:
    """Has this process, which leads its process group, end with its parent.

    Args:
        parent: The parent's process id; the main thread of that process has started this one.
    """
    if sys.platform == "linux":
        signal_at_parents_end(signal.SIGKILL)
        if os.getppid() != parent:  # it has died already
            _die()
    else:
        threading.Thread(target=_watch, name="parent-death", daemon=True).start()


def _watch() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
    _die()


def _die() -> None:
    os.killpg(0, signal.SIGKILL)
