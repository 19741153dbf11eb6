"""When trials that fail stop a study: at the same failure again and again, or at too many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from regsearch.search.errors import RepeatedFailureError, SearchError
from regsearch.trials import Outcome

IN_A_ROW = 5
AT_LEAST = 20


class FailureRule:
    """Counts failed trials.

    Args:
        n_trials: How many trials the study wants; it may see as many failures, and at least
            `AT_LEAST`.
    """

    def __init__(self, n_trials: int) -> None:
        self._limit = max(AT_LEAST, n_trials)
        self._seen = 0
        self._failed = 0
        self._same: list[Outcome] = []

    def check(self, outcome: Outcome, *, comes_again: bool = False) -> None:
        """Takes note of an outcome.

        Args:
            outcome: How a trial ended.
            comes_again: Whether it will be tried once more; then it is no failure yet. A machine
                that is switched off takes all its trials with it, and the study goes on elsewhere.

        Raises:
            RepeatedFailureError: If the last `IN_A_ROW` trials failed with the same exception, or
                too many have failed in all.
        """
        self._seen += 1
        if comes_again:
            return
        if outcome.state != "failed":
            self._same = []
            return
        self._failed += 1
        repeats = bool(self._same) and _kind(self._same[-1]) == _kind(outcome)
        self._same = [*self._same, outcome] if repeats else [outcome]
        if len(self._same) == IN_A_ROW:
            raise RepeatedFailureError(_message(f"{IN_A_ROW} trials in a row failed", outcome))
        if self._failed == self._limit:
            raise RepeatedFailureError(_message(f"{self._limit} trials failed", outcome))

    @contextmanager
    def expect_outcomes(self) -> Iterator[None]:
        """Has an engine's run give at least one outcome.

        Raises:
            SearchError: If it gave none, so that asking it again would never end.
        """
        before = self._seen
        yield
        if self._seen == before:
            raise SearchError("An engine must pull the trials it is given, but it pulled none.")


def _kind(outcome: Outcome) -> str:
    """The exception's type: its text may hold a λ or an address, another one in each trial."""
    return outcome.reason.partition(":")[0]


def _message(what: str, outcome: Outcome) -> str:
    return (
        f"{what}, the last one with: {outcome.reason}\n"
        "The study has stopped; what is done is stored. Mend the cause and run the study again: it "
        f"goes on from here.\n\n{outcome.error.strip()}"
    )
