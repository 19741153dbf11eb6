"""Train functions that the laws of an engine are tried on: a good one, and bad ones of all sorts.

They train nothing, so that the laws take no time, and stand at the top level of a module, so that
an engine can send them to other processes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from regsearch.trials import OnReport, Outcome, Report, Trial

PARAMS = {"penalty": "l1", "lam": 0.5}


def finite(count: int) -> Iterator[Trial]:
    """Yields trials 0 to count - 1."""
    return itertools.islice(endless(), count)


def endless() -> Iterator[Trial]:
    """Yields trials for ever."""
    return (Trial(number, PARAMS, seed=number) for number in itertools.count())


def go_on(report: Report) -> bool:
    """Stops no trial."""
    return False


def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Reports three times a trial and obeys the answers."""
    for trial in trials:
        yield trained_as_expected(trial.number, on_report)


def train_describing_the_trial(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Says in each outcome what the trial looked like when it arrived."""
    for trial in trials:
        yield Outcome(trial.number, "complete", 0.0, {}, repr(trial))


def train_raising_on_odd_numbers(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Fails every second trial."""
    for trial in trials:
        if trial.number % 2:
            raise ValueError(f"{trial.number} is odd")
        yield trained_as_expected(trial.number, on_report)


class TrainRaising:
    """Raises a given error in every trial; a class, so that it can be sent elsewhere."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            if trial.number >= 0:
                raise self.error("in every trial")
            yield expected_outcome(trial.number)


def train_forgetting_everything(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Pulls every trial and gives no outcome."""
    yield from (expected_outcome(trial.number) for trial in trials if trial.number < 0)


def train_raising_at_once(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Raises before it has pulled anything, and is no generator."""
    raise OSError("nothing works here")


def train_returning_at_once(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Pulls nothing and gives no outcome."""
    return iter(())


def train_saying_everything_twice(
    trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Gives two outcomes a trial."""
    for trial in trials:
        yield expected_outcome(trial.number)
        yield expected_outcome(trial.number)


def train_three_at_once(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Holds up to three trials, and finishes the last one first."""
    while held := list(itertools.islice(trials, 3)):
        yield from (trained_as_expected(trial.number, on_report) for trial in reversed(held))


def train_swallowing_errors(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Turns every error of a trial into an outcome of its own making."""
    for trial in trials:
        try:
            yield trained_as_expected(trial.number, on_report)
        except Exception as error:
            yield Outcome(trial.number, "failed", None, {}, str(error))


def trained_as_expected(number: int, on_report: OnReport) -> Outcome:
    """Reports three times, or until it is told to stop."""
    for step in range(3):
        report = expected_report(number, step)
        if on_report(report):
            return Outcome(number, "pruned", report.metrics["val_loss"], report.metrics)
    return expected_outcome(number)


def expected_report(number: int, step: int) -> Report:
    """The report that `train` sends of a trial."""
    return Report(number, step, {"val_loss": number + step / 10})


def expected_outcome(number: int) -> Outcome:
    """The outcome that `train` gives a trial that nobody stops."""
    metrics = expected_report(number, 2).metrics
    return Outcome(number, "complete", metrics["val_loss"], metrics)
