"""How far a study is: trials by state, and the best so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from regsearch.search.records import Record, best
from regsearch.trials import Direction, Outcome, Trial


class Tally:
    """Counts what has ended.

    Args:
        entries: What ended before.
        direction: "minimize" or "maximize" the value.
    """

    def __init__(self, entries: Sequence[Record], direction: Direction) -> None:
        found = best(entries, direction)
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._counts = Counter(entry.state for entry in entries)
        self._value = None if found is None else found.value
        self._of = "" if found is None else in_words(found.number, found.params)
        self._running: dict[int, str] = {}

    def start(self, trial: Trial) -> None:
        """Takes note of a trial that begins."""
        self._running[trial.number] = in_words(trial.number, trial.params)

    def finish(self, outcome: Outcome) -> None:
        """Counts a trial that ended."""
        words = self._running.pop(outcome.number, "")
        self._counts[outcome.state] += 1
        if outcome.state == "complete" and self._wins(outcome.value):
            self._value, self._of = outcome.value, words

    def _wins(self, value: float | None) -> bool:
        if value is None or self._value is None:
            return value is not None
        return self._sign * value < self._sign * self._value

    @property
    def done(self) -> int:
        """How many trials count: those complete or pruned."""
        return self._counts["complete"] + self._counts["pruned"]

    def __str__(self) -> str:
        words = f"{self._counts['pruned']} pruned, {self._counts['failed']} failed"
        return words if self._value is None else f"{words}, best {self._value:.5g} ({self._of})"


def in_words(number: int, params: Mapping[str, Any]) -> str:
    """Returns a trial in a few words, such as `#3 l1 2.5e-03`."""
    strength = f" {params['lam']:.1e}" if params["lam"] else ""
    return f"#{number} {params['penalty']}{strength}"
