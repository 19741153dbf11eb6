"""The fused train function: up to `width` trials at once, each epoch one pass over stacked models.

After every epoch each trial reports for itself; those that are done leave their place, and others
from the stream take it up, at their own epoch 0, while the rest go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from regsearch.training.fused.eligible import check_trainer, clipping_of
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.member import Member
from regsearch.training.fused.placement import Lineup, Queue
from regsearch.training.fused.single import Single
from regsearch.training.fused.sizes import fitting
from regsearch.training.fused.stack import Stack
from regsearch.training.surroundings import quiet, share_of_threads
from regsearch.training.task import Task
from regsearch.training.weights import write_weights
from regsearch.trials import OnReport, Outcome, Trial


def train_fused(
    task: Task,
    folder: Path,
    trials: Iterator[Trial],
    on_report: OnReport,
    *,
    width: int | None = None,
    is_compiled: bool = False,
) -> Iterator[Outcome]:
    """Trains up to `width` trials as one model; a `Train` once the rest is given.

    Args:
        task: What is trained.
        folder: Where a complete trial's state dict is kept, as `<number>.pt`.
        trials: Pulled whenever there is room for one more.
        on_report: Told of each trial after each of its validation epochs; True stops that trial.
        width: How many trials are held at once; None for as many as there is room for, up to 32.
        is_compiled: Whether models of `width` trials are compiled, which takes a minute or so.

    Yields:
        One outcome a trial, as `train_each` would give it.

    Raises:
        NotFusableError: If the Task's Trainer would do something that is not done here.
        ValueError: If `width` is not at least 1, or is not given though models are compiled.
    """
    if width is not None and width < 1:
        raise ValueError(f"width must be at least 1, but got {width}.")
    if is_compiled and width is None:
        raise ValueError("width must be given where models are compiled, but got None.")
    check_trainer(task)
    lineup = Lineup(clipping_of(task), width if is_compiled else None)
    yield from _train(task, folder, trials, on_report, lineup, width)


def train_lean(
    task: Task, folder: Path, trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Trains trials one after another like `train_each`, but without a Trainer.

    Arguments, outcomes and errors are those of `train_fused`.
    """
    check_trainer(task)
    yield from _train(task, folder, trials, on_report, Queue(clipping_of(task)), 1)


def _train(
    task: Task,
    folder: Path,
    trials: Iterator[Trial],
    on_report: OnReport,
    lineup: Lineup | Queue,
    width: int | None,
) -> Iterator[Outcome]:
    enrolment = Enrolment(task)
    while True:
        held = sum(len(stack.members) for stack in lineup.stacks)
        pulled = list(islice(trials, (width or 1) - held))
        yield from _enrol(enrolment, lineup, pulled)
        if not pulled and not lineup.stacks:
            return
        if width is None and lineup.stacks:  # the first trial tells how many more there may be
            with share_of_threads(), quiet():
                width = fitting(lineup.stacks[0].members[0])
            continue
        for stack in lineup.stacks:
            yield from _epoch(task, folder, lineup, stack, on_report)


def _enrol(
    enrolment: Enrolment, lineup: Lineup | Queue, pulled: Sequence[Trial]
) -> Iterator[Outcome]:
    """Gives trials a place in a stack; yields outcomes of those that cannot have one."""
    if not pulled:
        return
    with share_of_threads(), quiet():
        joining: dict[Stack | Single, list[Member]] = {}
        failed: list[Outcome] = []
        for trial in pulled:
            try:
                member = enrolment.member(trial)
                joining.setdefault(lineup.stack_for(member), []).append(member)
            except Exception:
                failed.append(_failure(trial))
        for stack, members in joining.items():
            stack.join(members)
    yield from failed


def _epoch(
    task: Task, folder: Path, lineup: Lineup | Queue, stack: Stack | Single, on_report: OnReport
) -> Iterator[Outcome]:
    """Trains a stack for an epoch; yields outcomes of the trials that end with it."""
    try:
        with share_of_threads():
            losses = stack.epoch()
    except Exception:
        lineup.drop(stack)
        yield from [_failure(member.trial) for member in stack.members]
        return
    ended = {
        member: outcome
        for member, mine in zip(stack.members, losses, strict=True)
        if (outcome := _after_epoch(task, folder, member, mine, on_report)) is not None
    }
    staying = [row for row, member in enumerate(stack.members) if member not in ended]
    stack.keep(staying)
    if not staying:
        lineup.end(stack)
    yield from ended.values()


def _after_epoch(
    task: Task, folder: Path, member: Member, losses: Mapping[str, float], on_report: OnReport
) -> Outcome | None:
    """Reports a trial's epoch and returns its outcome if it ends with it."""
    try:
        report = member.compose(task.monitor, losses)
    except Exception:
        return _failure(member.trial)
    if report is not None:
        member.heed(task, report, stop=on_report(report))
    try:
        return _ended(task, folder, member)
    except Exception:
        return _failure(member.trial)


def _ended(task: Task, folder: Path, member: Member) -> Outcome | None:
    member.end_epoch()
    outcome = member.outcome(task)
    if outcome.state == "complete":
        if member.epoch < task.max_epochs:
            return None
        if outcome.value is None:
            raise ValueError(
                "At least one validation epoch must run, but none did: check Task.trainer's "
                "check_val_every_n_epoch."
            )
        write_weights(member.weights(), folder, member.trial.number)
    return outcome


def _failure(trial: Trial) -> Outcome:
    return Outcome(trial.number, "failed", None, {}, traceback.format_exc())
