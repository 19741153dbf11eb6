from __future__ import annotations

import itertools

from regsearch.figures.frames_runs import StoredRun
from regsearch.figures.frames_trials import ATTEMPT, last_attempts
from regsearch.tracking.labels import NUMBER


def _run(name: str, number: int, attempt: int, start: int) -> StoredRun:
    tags = {NUMBER: str(number), ATTEMPT: str(attempt)}
    return StoredRun(name, "0", "FINISHED", start, start + 1, "", tags, {}, {})


def test_the_last_attempts_are_found_in_whatever_order_they_come() -> None:
    """A store sorts runs of one millisecond as it likes."""
    runs = [
        _run("first", 0, 0, 10),
        _run("lost", 1, 0, 10),
        _run("retried", 1, 1, 12),
        _run("second", 2, 0, 11),
    ]
    for order in itertools.permutations(runs):
        found = [run.run_id for run in last_attempts(order)]
        assert found == ["first", "retried", "second"]


def test_a_study_that_counts_from_zero_again_has_begun_anew() -> None:
    runs = [_run("old", 0, 0, 1), _run("old too", 1, 0, 2), _run("new", 0, 0, 3)]
    for order in itertools.permutations(runs):
        assert [run.run_id for run in last_attempts(order)] == ["new"]
