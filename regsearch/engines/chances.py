"""What is tried again within a run, and how often, so that no failure is repeated for ever."""

from __future__ import annotations

import logging
from collections import Counter

from regsearch.engines.group import Held
from regsearch.engines.ranks import is_port_taken
from regsearch.trials import LOST, Outcome

TRIES = 3

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
    exception = outcome.reason.partition(":")[0]
    return exception == "MemoryError" or exception.endswith("OutOfMemoryError")
