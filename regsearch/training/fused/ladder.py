"""How a task's trials are trained fastest: as one model, one by one without a Trainer, or with one.

Found out once for a study, by a dry run: what is right comes before what is fast, so that a way is
taken only if it gives what a trial gives alone. How many trials share a model follows from their
number and size; the clock decides one thing only, and not where it is close: whether that pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from regsearch.cautions import PenaltyWarning
from regsearch.training.fused.dry_run import check_agreement
from regsearch.training.fused.eligible import check_trainer, clipping_of
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.single import Single
from regsearch.training.fused.sizes import WIDTH, widest
from regsearch.training.fused.speed import gain_of
from regsearch.training.surroundings import quiet, share_of_threads, untouched_generators
from regsearch.training.task import Task
from regsearch.trials import Trial

NARROWEST = 4  # fewer gain too little to look for it
FIRST = 8  # if so many are slower than alone, more are, too
CLEARLY = 1.25  # times as fast a stack must be, so that a busy machine does not change the choice
STEPS = 100  # of a trial, below which the dry run costs more than it may gain


@dataclass(frozen=True)
class Rung:
    """A way to train a study's trials.

    Attributes:
        way: As one model, one after another without a Trainer, or each with one.
        width: How many trials at once.
        reason: Why this way and no faster one.
        gain: How many times as fast a training step was seen to be as that of one trial alone.
    """

    way: Literal["fused", "lean", "each"]
    width: int
    reason: str
    gain: float = 1.0

    def __str__(self) -> str:
        return f"{_SAID[self.way].format(self.width)}: {self.reason}."


_SAID = {
    "fused": "Trials are trained as one model, {} at once",
    "lean": "Trials are trained one after another, without a Trainer",
    "each": "Trials are trained one after another, with a Trainer each",
}


def fastest(task: Task, trials: Sequence[Trial], *, on_cpu: bool = False) -> Rung:
    """Returns the fastest way to train a task's trials that gives what they give alone.

    Args:
        task: What is trained.
        trials: Some like those that will be trained, as many as may be at once.
        on_cpu: Whether to try it on the CPU, wherever it will be.
    """
    try:
        check_trainer(task)
        if on_cpu:
            task = replace(task, trainer={**task.trainer, "accelerator": "cpu"})
        with (
            share_of_threads(),
            quiet(PenaltyWarning),
            untouched_generators(),
            np.errstate(all="ignore"),
        ):
            return _tried(task, trials)
    except NotFusableError as error:
        return Rung("each", 1, error.reason)
    except Exception as error:  # of the task's own: its trials will tell
        return Rung("each", 1, f"its own code raises {type(error).__name__}")


def _tried(task: Task, trials: Sequence[Trial]) -> Rung:
    enrolment, clipping = Enrolment(task), clipping_of(task)
    alone = Single(enrolment.member(trials[0]), clipping)
    (member,) = alone.members
    if not member.feed.has_room(task.max_epochs):
        raise NotFusableError("its epochs' batches together take too much memory to keep")
    alone.rehearse()
    member.validate([member.feed.first_validation()])
    steps = member.feed.batches * task.max_epochs
    if steps < STEPS:
        return Rung("lean", 1, f"with {steps} steps a trial, it does not pay to look further")
    try:
        return _stacked(enrolment, alone, Lineup(clipping), trials)
    except NotFusableError as error:
        return Rung("lean", 1, error.reason)


def _stacked(enrolment: Enrolment, alone: Single, lineup: Lineup, trials: Sequence[Trial]) -> Rung:
    first = enrolment.member(trials[0])
    check_agreement(first)
    width = widest(first, min(WIDTH, len(trials)))
    if width < NARROWEST:
        return Rung("lean", 1, f"there is room for {width} at once")
    gain = 0.0
    for some in (trials[: min(FIRST, width)], trials[FIRST:width]):
        for trial in some:
            member = enrolment.member(trial)
            lineup.stack_for(member).join([member])
        gain = gain_of(alone, lineup.stacks, CLEARLY) if some else gain
        if gain < 1.0:
            break
    if gain < CLEARLY:
        return Rung("lean", 1, f"as one model they are {gain:.2f} times as fast", gain)
    return Rung("fused", width, f"{gain:.1f} times as fast as one after another", gain)
