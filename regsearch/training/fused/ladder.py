"""How a task's trials are trained fastest: as one model, one by one without a Trainer, or with one.

Found out once for a study, by a dry run: what is right comes before what is fast, so that a way is
taken only if it gives what a trial gives alone. How many trials share a model follows from their
number and size; the clock decides, and not where it is close, whether that pays, and whether a
study is so long that compiling the model does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from regsearch.cautions import PenaltyWarning
from regsearch.training.fused.dry_run import check_agreement
from regsearch.training.fused.eligible import check_trainer, clipping_of, device_of
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.single import Single
from regsearch.training.fused.sizes import WIDTH, widest
from regsearch.training.fused.speed import gain_of, seconds_of
from regsearch.training.surroundings import quiet, share_of_threads, untouched_generators
from regsearch.training.task import Task
from regsearch.trials import Trial

NARROWEST = 4  # fewer gain too little to look for it
FIRST = 8  # if so many are slower than alone, more are, too
CLEARLY = 1.25  # times as fast a stack must be, so that a busy machine does not change the choice
LONG = 600.0  # seconds of all steps as one model, from which a minute of compiling is worth trying
FASTER = 1.1  # times as fast they must then be
STEPS = 100  # of a trial, below which the dry run costs more than it may gain


@dataclass(frozen=True)
class Rung:
    """A way to train a study's trials.

    Attributes:
        way: As one model, compiled or not, one after another without a Trainer, or each with one.
        width: How many trials at once.
        reason: Why this way and no faster one.
        gain: How many times as fast a training step was seen to be as that of one trial alone.
    """

    way: Literal["compiled", "fused", "lean", "each"]
    width: int
    reason: str
    gain: float = 1.0

    @property
    def is_fused(self) -> bool:
        """Whether trials are trained as one model."""
        return self.way in ("compiled", "fused")

    def __str__(self) -> str:
        return f"{_SAID[self.way].format(self.width)}: {self.reason}."


_SAID = {
    "compiled": "Trials are trained as one compiled model, {} at once",
    "fused": "Trials are trained as one model, {} at once",
    "lean": "Trials are trained one after another, without a Trainer",
    "each": "Trials are trained one after another, with a Trainer each",
}


def fastest(
    task: Task,
    trials: Sequence[Trial],
    left: int,
    *,
    on_cpu: bool = False,
    saying: Callable[[str], object] = str,
) -> Rung:
    """Returns the fastest way to train a task's trials that gives what they give alone.

    Args:
        task: What is trained.
        trials: Some like those that will be trained, as many as may be at once.
        left: How many will be trained.
        on_cpu: Whether to try it on the CPU, wherever it will be.
        saying: Told of what takes long.
    """
    try:
        check_trainer(task)
        if on_cpu:
            left = left if device_of(task).type == "cpu" else 0  # to be trained where it is tried
            task = replace(task, trainer={**task.trainer, "accelerator": "cpu"})
        with (
            share_of_threads(),
            quiet(PenaltyWarning),
            untouched_generators(),
            np.errstate(all="ignore"),
        ):
            return _tried(task, trials, left, saying)
    except NotFusableError as error:
        return Rung("each", 1, error.reason)
    except Exception as error:  # of the task's own: its trials will tell
        return Rung("each", 1, f"its own code raises {type(error).__name__}")


def _tried(task: Task, trials: Sequence[Trial], left: int, saying: Callable[[str], object]) -> Rung:
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
        lineup = Lineup(clipping)
        rung = _stacked(enrolment, alone, lineup, trials)
    except NotFusableError as error:
        return Rung("lean", 1, error.reason)
    if rung.way != "fused" or seconds_of(lineup.stacks) * steps * left < LONG * rung.width:
        return rung
    saying("The study is long: its model is compiled, to see whether that pays.")
    return _compiled(rung, enrolment, lineup, Lineup(clipping, rung.width), trials)


def _stacked(enrolment: Enrolment, alone: Single, lineup: Lineup, trials: Sequence[Trial]) -> Rung:
    first = enrolment.member(trials[0])
    check_agreement(first)
    width = widest(first, min(WIDTH, len(trials)))
    if width < NARROWEST:
        return Rung("lean", 1, f"there is room for {width} at once")
    gain = 0.0
    for some in (trials[: min(FIRST, width)], trials[FIRST:width]):
        _join(enrolment, lineup, some)
        gain = gain_of([alone], lineup.stacks, CLEARLY) if some else gain
        if gain < 1.0:
            break
    if gain < CLEARLY:
        return Rung("lean", 1, f"as one model they are {gain:.2f} times as fast", gain)
    return Rung("fused", width, f"{gain:.1f} times as fast as one after another", gain)


def _join(enrolment: Enrolment, lineup: Lineup, trials: Sequence[Trial]) -> None:
    for trial in trials:
        member = enrolment.member(trial)
        lineup.stack_for(member).join([member])


def _compiled(
    rung: Rung, enrolment: Enrolment, usual: Lineup, compiled: Lineup, trials: Sequence[Trial]
) -> Rung:
    """Returns a rung, or a better one if compiling pays."""
    try:
        return _measured(rung, enrolment, usual, compiled, trials)
    except Exception as error:  # as one model they have been trained already, and that will do
        return _not_compiled(rung, f"that raises {type(error).__name__}")


def _not_compiled(rung: Rung, reason: str) -> Rung:
    return replace(rung, reason=f"{rung.reason}; not compiled, since {reason}")


def _measured(
    rung: Rung, enrolment: Enrolment, usual: Lineup, compiled: Lineup, trials: Sequence[Trial]
) -> Rung:
    if len(usual.stacks) > 1:
        return _not_compiled(rung, "they differ in shape")
    _join(enrolment, compiled, trials[: rung.width])
    gain = gain_of(usual.stacks, compiled.stacks, FASTER)
    (stack,) = compiled.stacks
    if refusals := stack.passes.refusals:
        return _not_compiled(rung, refusals[0])
    if gain < FASTER:
        return replace(rung, reason=f"{rung.reason}; compiled {gain:.2f} times as fast as that")
    reason = f"{rung.reason}, and compiled {gain:.1f} times as fast as that"
    return Rung("compiled", rung.width, reason, rung.gain * gain)
