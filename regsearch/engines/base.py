"""What an engine is: the answer to "where does a train function run?".

An engine hands a stream of trials to a train function, in this process or in others, and yields
each trial's outcome as soon as there is one. Its laws ship as `regsearch.testing.EngineLaws`.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from regsearch.trials import OnReport, Outcome, Report, Train, Trial


@runtime_checkable
class Engine(Protocol):
    """Runs a train function over a stream of trials."""

    def run(self, train: Train, trials: Iterable[Trial], on_report: OnReport) -> Iterator[Outcome]:
        """Yields exactly one outcome for each trial it pulls.

        Args:
            train: Trains the trials of an iterator and yields their outcomes.
            trials: Pulled lazily, one only when there is room for it.
            on_report: Called in the caller's thread with every report; True stops that trial.

        Laws: outcomes come as trials finish. When `train` raises, the trials it held are failed
        outcomes with the traceback, and the rest of the stream goes on. Closing the iterator leaves
        no worker behind.
        """
        ...


@runtime_checkable
class SupervisingEngine(Engine, Protocol):
    """An engine with workers of its own, which it can group into ranks, and end when they hang."""

    def suited(self, *, devices_per_trial: int, deadline: float | None) -> Engine:
        """Returns this engine for trials of another size.

        Args:
            devices_per_trial: How many devices train one trial together, a worker on each.
            deadline: Seconds without a word after which a worker with a trial counts as hung; None
                is the engine's own default.

        Raises:
            ValueError: If there are fewer devices than one trial needs.
        """
        ...


def guarded(train: Train, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Runs `train` so that its exceptions become failed outcomes of the trials it held.

    A train function that raises is started again on what is left of the stream. Trials it still
    holds when it returns are failed as well, and one that ends without pulling anything is charged
    with the next trial, so that the stream always moves on. Exceptions of the caller's own `trials`
    and `on_report` are the caller's: they are raised, even if the train function catches them.
    """
    stream = _Stream(trials, on_report)
    while not stream.ended:
        before, error = stream.pulled, _UNFINISHED
        try:
            for outcome in train(stream, stream.report):
                stream.raise_caller_error()
                if stream.held.pop(outcome.number, None) is not None:
                    yield outcome
        except Exception:
            error = traceback.format_exc()
        stream.raise_caller_error()
        if stream.pulled == before:
            next(stream, None)
        elif error is not _UNFINISHED and not stream.held:
            warnings.warn(f"The train function raised, holding no trial:\n{error}", stacklevel=2)
        lost, stream.held = list(stream.held), {}
        yield from (Outcome(number, "failed", None, {}, error) for number in lost)


_UNFINISHED = "The train function returned without an outcome for this trial."


class _Stream(Iterator[Trial]):
    """Passes trials on, and remembers which of them have no outcome yet."""

    def __init__(self, trials: Iterator[Trial], on_report: OnReport) -> None:
        self._trials = trials
        self._on_report = on_report
        self.held: dict[int, Trial] = {}
        self.pulled = 0
        self.ended = False
        self._caller_error: Exception | None = None

    def __next__(self) -> Trial:
        try:
            trial = next(self._trials)
        except StopIteration:
            self.ended = True
            raise
        except Exception as error:
            self._caller_error = error
            raise
        self.held[trial.number] = trial
        self.pulled += 1
        return trial

    def report(self, report: Report) -> bool:
        try:
            return self._on_report(report)
        except Exception as error:
            self._caller_error = error
            raise

    def raise_caller_error(self) -> None:
        if self._caller_error is not None:
            raise self._caller_error
