"""Training in the way that a dry run has chosen, and with a Trainer where that fails after all.

A dry run sees the first step. What cannot be fused may come later, in an epoch in which the module
does something else; a trial that meets it is trained again from its start, with a Trainer, and so
is every trial after it. What it has reported already is not reported twice.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from regsearch.training.each import train_each
from regsearch.training.fused.ladder import Rung
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.train import train_fused, train_lean
from regsearch.training.task import Task
from regsearch.trials import OnReport, Outcome, Report, Train, Trial

_log = logging.getLogger(__name__)


@dataclass
class TrainOn:
    """A train function that trains as a rung says, for as long as that can be done.

    Args:
        rung: The way.
        task: What is trained.
        folder: Where a complete trial's state dict is kept, as `<number>.pt`.
    """

    rung: Rung
    task: Task
    folder: Path
    _is_refused: bool = field(default=False, init=False, repr=False, compare=False)

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        """Yields one outcome a trial, as `train_each` would give it."""
        if self.rung.way != "each":
            yield from self._train(trials, on_report)
        yield from self._with_trainer(trials, on_report)

    def _train(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        """Trains until the trials end, or one is refused: then those are left that wait."""
        held: dict[int, Trial] = {}
        reported: Counter[int] = Counter()

        def pulled() -> Iterator[Trial]:
            while not self._is_refused and (trial := next(trials, None)) is not None:
                held[trial.number] = trial
                yield trial

        def report_once(report: Report) -> bool:
            if report.step < reported[report.trial]:
                return False
            reported[report.trial] += 1
            return on_report(report)

        for outcome in self._way(pulled(), report_once):
            trial = held.pop(outcome.number)
            if _is_refusal(outcome):
                self._heed(outcome)
                yield from self._again(trial, report_once)
            else:
                yield outcome

    @property
    def _way(self) -> Train:
        if self.rung.is_fused:
            return functools.partial(
                train_fused,
                self.task,
                self.folder,
                width=self.rung.width,
                is_compiled=self.rung.way == "compiled",
            )
        return functools.partial(train_lean, self.task, self.folder)

    @property
    def _with_trainer(self) -> Train:
        return functools.partial(train_each, self.task, self.folder)

    def _heed(self, outcome: Outcome) -> None:
        if not self._is_refused:
            _log.warning("Trials are trained with a Trainer from now on: %s", outcome.reason)
        self._is_refused = True

    def _again(self, trial: Trial, on_report: OnReport) -> Iterator[Outcome]:
        try:
            yield from self._with_trainer(iter([trial]), on_report)
        except Exception:  # the trial's own; others are still in the stack
            yield Outcome(trial.number, "failed", None, {}, traceback.format_exc())


def _is_refusal(outcome: Outcome) -> bool:
    return outcome.state == "failed" and f"{NotFusableError.__name__}:" in outcome.reason
