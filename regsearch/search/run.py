"""The loop: ask, train where the engine says, report, tell, until there are enough trials."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import cast

from regsearch.engines.base import Engine
from regsearch.search.failures import FailureRule
from regsearch.search.ledger import Ledger
from regsearch.search.signals import Signals
from regsearch.tracking.base import Tracker
from regsearch.trials import Outcome, Report, Train, Trial


def run(
    ledger: Ledger,
    engine: Engine,
    train: Train,
    watcher: Tracker,
    rule: FailureRule,
    signals: Signals,
) -> None:
    """Runs trials until the ledger wants no more.

    However it ends, no trial is left running: what an exception or a ctrl-C cuts short is queued
    again before the exception goes up.

    Args:
        ledger: The study's books.
        engine: Where trials run.
        train: How they are trained.
        watcher: Told of every start, report and end.
        rule: When failures stop the study.
        signals: Kept out of the books.
    """

    def ask() -> Trial | None:
        if not ledger.has_room():
            return None
        with signals.entry():
            trial = ledger.ask()
            watcher.start(trial)
        return trial

    def on_report(report: Report) -> bool:
        with signals.entry():
            watcher.log(report)
            return ledger.report(report)

    def conclude(outcome: Outcome) -> None:
        with signals.entry():
            told = ledger.tell(outcome)
            watcher.finish(told)
        rule.check(told, comes_again=ledger.comes_again(told.number))

    try:
        while ledger.has_room():
            stream = engine.run(train, _Stream(ask), on_report)
            outcomes = cast("Generator[Outcome, None, None]", stream)
            with closing(outcomes), signals.leaving(), rule.expect_outcomes():
                for outcome in outcomes:
                    conclude(outcome)
    finally:
        with signals.entry():
            for outcome in ledger.interrupt():
                watcher.finish(outcome)


@dataclass(frozen=True)
class _Stream(Iterator[Trial]):
    """Trials for as long as there are any; goes on after its end if a lost one comes again."""

    ask: Callable[[], Trial | None]

    def __next__(self) -> Trial:
        trial = self.ask()
        if trial is None:
            raise StopIteration
        return trial
