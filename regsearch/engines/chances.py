"""What is tried again within a run, and how often, so that no failure is repeated for ever."""

from __future__ import annotations

import logging
from collections import Counter

from regsearch.engines.group import Held
from regsearch.engines.ranks import is_port_taken
from regsearch.trials import LOST, Outcome

TRIES = 3

# Exceptions and, in lower case, texts of torch's and of what it is built on.
_UNSPECIFIC = ("RuntimeError", "torch.AcceleratorError")
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "alloc_failed")
_COLLECTIVE_ERRORS = ("DistBackendError", "DistNetworkError", "DistStoreError")
_COLLECTIVE = (
    "gloo/",  # a source file's path
    "nccl error",
    "nccl communicator",
    "connection closed by peer",
    "connection reset by peer",
    "timed out waiting",
    "broken pipe",
)

_log = logging.getLogger(__name__)


class Chances:
    """Counts failures that another try may mend."""

    def __init__(self) -> None:
        self._failed_starts: Counter[int] = Counter()
        self._taken_ports: Counter[int] = Counter()

    def started(self, slot: int) -> None:
        """Takes note that a slot's workers work."""
        self._failed_starts[slot] = 0

    def of_another_start(self, slot: int, error: str, *, is_last: bool) -> bool:
        """Counts a failed start, and gives a slot up after `TRIES` in a row.

        Args:
            slot: Where workers ended before they asked for a trial.
            error: How they ended.
            is_last: Whether no other worker is left.

        Raises:
            RuntimeError: If the last slot is given up.
        """
        self._failed_starts[slot] += 1
        if self._failed_starts[slot] < TRIES:
            return True
        message = (
            f"A worker must start, but {TRIES} in a row ended before they asked for a trial, the "
            f"last one so: {error.removeprefix(f'{LOST}: ')}"
        )
        if is_last:
            raise RuntimeError(message)
        _log.warning("Going on with fewer workers. %s", message)
        return False

    def of_another_port(self, held: Held, error: str) -> bool:
        """Tells whether ranks met a taken port before they trained: others get another one."""
        if held.metrics or not is_port_taken(error):
            return False
        self._taken_ports[held.trial.number] += 1
        return self._taken_ports[held.trial.number] < TRIES


def is_out_of_memory(outcome: Outcome) -> bool:
    """Tells whether host or device had no memory left, which a process may not recover from."""
    exception, _, text = outcome.reason.partition(":")
    if exception.endswith("MemoryError"):  # Python's own, NumPy's, torch's
        return True
    return exception in _UNSPECIFIC and any(sign in text.lower() for sign in _OUT_OF_MEMORY)


def is_collective_failure(outcome: Outcome) -> bool:
    """Tells whether a rank failed for want of another one, which has died or hangs.

    It learns so from its connection, often long before a cluster says that a machine is gone. A
    connection of the user's own that breaks is no such failure, nor is a port that was taken.
    """
    exception, _, text = outcome.reason.partition(":")
    if is_port_taken(text):
        return False
    if exception.rpartition(".")[2] in _COLLECTIVE_ERRORS:
        return True
    return exception in _UNSPECIFIC and any(sign in text.lower() for sign in _COLLECTIVE)
