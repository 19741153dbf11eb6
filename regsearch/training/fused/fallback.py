"""Training in the way that a dry run has chosen, and with a Trainer where that fails after all.

A dry run sees the first step. What cannot be fused may come later, in an epoch in which the module
does something else; a trial that meets it is trained again from its start, with a Trainer, and so
is every trial after it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from pathlib import Path

from regsearch.training.each import train_each
from regsearch.training.fused.ladder import Rung
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.train import train_fused, train_lean
from regsearch.training.task import Task
from regsearch.trials import OnReport, Outcome, Train, Trial

_log = logging.getLogger(__name__)


def train_on(
    rung: Rung, task: Task, folder: Path, trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Trains trials as a rung says; a `Train` once rung, task and folder are given.

    Arguments and outcomes are those of `train_each`.
    """
    if rung.way != "each":
        yield from _train(_way(rung, task, folder), task, folder, trials, on_report)
    yield from train_each(task, folder, trials, on_report)


def _way(rung: Rung, task: Task, folder: Path) -> Train:
    if rung.way == "fused":
        return functools.partial(train_fused, task, folder, width=rung.width)
    return functools.partial(train_lean, task, folder)


def _train(
    way: Train, task: Task, folder: Path, trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Trains until the trials end, or one cannot be trained so: then those are left that wait."""
    held: dict[int, Trial] = {}
    refused = False

    def pulled() -> Iterator[Trial]:
        while not refused and (trial := next(trials, None)) is not None:
            held[trial.number] = trial
            yield trial

    for outcome in way(pulled(), on_report):
        trial = held.pop(outcome.number)
        if not _is_refusal(outcome):
            yield outcome
            continue
        if not refused:
            _log.warning("Trials are trained with a Trainer from now on: %s", outcome.reason)
        refused = True
        yield from train_each(task, folder, iter([trial]), on_report)


def _is_refusal(outcome: Outcome) -> bool:
    return outcome.state == "failed" and f"{NotFusableError.__name__}:" in outcome.reason
