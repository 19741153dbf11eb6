"""The plainest train function: one quiet Trainer for each trial, one trial after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from regsearch.cautions import PenaltyWarning
from regsearch.namespaces import Trainer, namespace_of
from regsearch.penalties import from_params
from regsearch.regularizer import Regularizer
from regsearch.shards import whole_state
from regsearch.training.checkpoints import TrialCheckpoint, checkpoint_path, forget, resumable
from regsearch.training.data import is_pair
from regsearch.training.monitor import Monitor
from regsearch.training.ranks import check_ranks, guarded_store
from regsearch.training.surroundings import interruptible, quiet, seeded, share_of_threads
from regsearch.training.task import Task
from regsearch.training.trainers import saves, their_callbacks, trainer_of
from regsearch.training.weights import write_weights
from regsearch.trials import OnReport, Outcome, Trial


def train_each(
    task: Task, folder: Path, trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Trains trials one after another; a `Train` once task and folder are given.

    Args:
        task: What is trained.
        folder: Where a complete trial's state dict is kept, as `<number>.pt`, and checkpoints of
            trials that train, if the Task enables checkpointing or has a Checkpoint callback. Only
            then `Trial.resume_from` is made use of.
        trials: Pulled one at a time.
        on_report: Told after each validation epoch; True stops the trial.

    Yields:
        One outcome a trial. A trial with a loss that is not finite is pruned, its error "diverged".
    """
    told: set[type[Warning]] = set()  # what holds for the task is said once, not in every trial
    for trial in trials:
        with share_of_threads(), quiet(*told), interruptible(), seeded(trial.seed):
            outcome = _train(task, folder, trial, on_report)
        if trial.params["penalty"] != "none":
            told.add(PenaltyWarning)
        yield outcome


def _train(task: Task, folder: Path, trial: Trial, on_report: OnReport) -> Outcome:
    check_ranks(task.devices_per_trial)
    module = task.module(trial.params)
    package, callbacks = namespace_of(module), their_callbacks(task)
    keeps = saves(task, package, callbacks)
    regularizer = Regularizer(from_params(trial.params), task.select)
    monitor = Monitor(trial.number, task.monitor, regularizer, on_report, sends=not keeps)
    callbacks.append(monitor)
    path = checkpoint_path(folder, trial.number)
    if keeps:
        callbacks.append(TrialCheckpoint(path, monitor))
    trainer = trainer_of(task, package, callbacks)
    with guarded_store():
        _fit(trainer, module, task.data(), resumable(path, trial.resume_from) if keeps else None)
    outcome = monitor.outcome()
    if outcome.value is None:
        raise ValueError(_why_nothing_was_reported(trainer))
    if outcome.state == "complete":
        save_weights(trainer, folder, trial.number)
    if keeps:
        forget(path, trial.resume_from)
    return outcome


def _fit(trainer: Trainer, module: Any, data: Any, resume_from: str | None) -> None:
    start = {"ckpt_path": resume_from, "weights_only": True} if resume_from else {}
    if is_pair(data, namespace_of(module)):
        train, validation = data
        trainer.fit(module, train, validation, **start)
    else:
        trainer.fit(module, datamodule=data, **start)


def _why_nothing_was_reported(trainer: Trainer) -> str:
    if not trainer.num_training_batches:
        return "Task.data must give at least one training batch, but the training loader is empty."
    # The batches are counted when the first validation begins: none counted is none begun.
    if not trainer.enable_validation or sum(trainer.num_val_batches or [1]) == 0:
        return (
            "Task.data must give at least one validation batch, but there is none: pass a "
            "validation loader that is not empty, and define validation_step."
        )
    return (
        "At least one validation epoch must run, but none did: check Task.trainer's "
        "check_val_every_n_epoch, val_check_interval, max_steps and limit_val_batches."
    )


def save_weights(trainer: Trainer, folder: Path, number: int) -> None:
    """Writes the trained module's state dict, from one rank; see `write_weights`."""
    weights = whole_state(trainer.lightning_module.state_dict())  # all ranks together
    if trainer.is_global_zero:
        write_weights(weights, folder, number)
