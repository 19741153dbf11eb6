"""How a task's trials are trained fastest: as one model, one by one without a Trainer, or with one.

Found out once for each task, by a dry run on the first trial: what is right comes before what is
fast, so that a way is taken only if it gives what the trial gives alone, and then by the clock.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Literal

from regsearch.training.each import train_each
from regsearch.training.fused.dry_run import check_agreement
from regsearch.training.fused.eligible import check_trainer, clipping_of
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.single import Single
from regsearch.training.fused.stack import Stack
from regsearch.training.fused.train import train_fused, train_lean
from regsearch.training.surroundings import quiet, share_of_threads
from regsearch.training.task import Task
from regsearch.trials import OnReport, Outcome, Train, Trial

_log = logging.getLogger(__name__)

WIDTHS = (4, 8, 16, 32)  # tried in turn, as long as a wider one pays
_BETTER = 0.9  # what a wider stack must take of the time, for being less up to date
_STEPS = 5

Width = int | Literal["auto"]


@dataclass(frozen=True)
class Rung:
    """A way to train a task's trials.

    Attributes:
        way: As one model, one after another without a Trainer, or each with one.
        width: How many trials at once.
        reason: Why this way and no faster one.
    """

    way: Literal["fused", "lean", "each"]
    width: int
    reason: str


@dataclass
class TrainFastest:
    """A train function that finds out, on its first trial, how the task is trained fastest.

    Args:
        task: What is trained.
        folder: Where complete trials' weights are kept.
        width: How many trials may be trained at once; "auto" measures.
    """

    task: Task
    folder: Path
    width: Width = "auto"
    _rung: Rung | None = field(default=None, init=False, repr=False, compare=False)

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        first = next(trials, None)
        if first is None:
            return iter(())
        if self._rung is None:
            self._rung = fastest(self.task, first, self.width)
            _log.info(_SAID[self._rung.way], self._rung.width, self._rung.reason)
        return self._train(self._rung)(chain([first], trials), on_report)

    def _train(self, rung: Rung) -> Train:
        if rung.way == "fused":
            return functools.partial(train_fused, self.task, self.folder, width=rung.width)
        return functools.partial(
            train_lean if rung.way == "lean" else train_each, self.task, self.folder
        )


_SAID = {
    "fused": "Trials are trained as one model, %d at once: %s.",
    "lean": "Trials are trained %d at a time, without a Trainer: %s.",
    "each": "Trials are trained %d at a time, with a Trainer each: %s.",
}


def fastest(task: Task, trial: Trial, width: Width = "auto") -> Rung:
    """Returns the fastest way to train a task's trials that gives what they give alone.

    Args:
        task: What is trained.
        trial: One of its trials, to try it with.
        width: How many trials may be trained at once; "auto" measures.
    """
    try:
        check_trainer(task)
        with share_of_threads(), quiet():
            return _measured(task, trial, (width,) if isinstance(width, int) else WIDTHS)
    except NotFusableError as error:
        return Rung("each", 1, error.reason)
    except Exception as error:  # of the task's own: its trials will tell
        return Rung("each", 1, f"its own code raises {type(error).__name__}")


def _measured(task: Task, trial: Trial, widths: Sequence[int]) -> Rung:
    enrolment, clipping = Enrolment(task), clipping_of(task)
    alone = Single(enrolment.member(trial), clipping)
    if not alone.members[0].feed.has_room(task.max_epochs):
        raise NotFusableError("its epochs' batches together take too much memory to keep")
    seconds = _seconds(alone)
    lean = Rung("lean", 1, "fused they are not faster")
    if max(widths) == 1:
        return replace(lean, reason="width=1 asks for no more")
    try:
        check_agreement(enrolment.member(trial))
        best, found = lean, seconds
        for width in widths:
            stack = _stack(enrolment, Lineup(clipping), trial, width)
            each = _seconds(stack) / width
            if each > _BETTER * found:
                break
            reason = f"{seconds / each:.1f} times as fast as one after another"
            best, found = Rung("fused", width, reason), each
    except NotFusableError as error:
        return replace(lean, reason=error.reason)
    return best


def _stack(enrolment: Enrolment, lineup: Lineup, trial: Trial, width: int) -> Stack:
    members = [enrolment.member(replace(trial, number=number)) for number in range(width)]
    stack = lineup.stack_for(members[0])
    stack.join(members)
    return stack


def _seconds(group: Stack | Single) -> float:
    """Returns the least seconds of a training step; the first one warms up."""
    taken = []
    for _ in range(_STEPS + 1):
        start = time.perf_counter()
        group.rehearse()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])
