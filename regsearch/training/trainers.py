"""How a trial's Trainer is made: quiet, with all that the Task asks for, alone or as a rank."""

from __future__ import annotations

import contextlib
import copy
import importlib
from collections.abc import Sequence
from typing import Any

from regsearch.namespaces import Trainer
from regsearch.training.ranks import rank_arguments
from regsearch.training.task import Task


def their_callbacks(task: Task) -> list[Any]:
    """Returns the Task's own callbacks, copied for one trial."""
    theirs = copy.deepcopy(task.trainer.get("callbacks")) or []
    return list(theirs) if isinstance(theirs, list | tuple) else [theirs]


def saves(task: Task, package: Any, callbacks: Sequence[Any]) -> bool:
    """Whether the Task checkpoints: it says so, or has a Checkpoint callback.

    Args:
        task: What is trained.
        package: The Lightning package of the module.
        callbacks: The Task's own.
    """
    has_one = _has_one(package.callbacks.Checkpoint, callbacks)
    return bool(task.trainer.get("enable_checkpointing", has_one))


def trainer_of(task: Task, package: Any, callbacks: Sequence[Any]) -> Trainer:
    """Returns a quiet Trainer of one trial; the Task's own arguments come first.

    Args:
        task: What is trained.
        package: The Lightning package of the module.
        callbacks: All callbacks of the trial.
    """
    asked = {name: value for name, value in task.trainer.items() if name != "callbacks"}
    arguments = _quiet(package, callbacks) | _devices(task, package) | copy.deepcopy(asked)
    return package.Trainer(max_epochs=task.max_epochs, callbacks=list(callbacks), **arguments)


def _quiet(package: Any, callbacks: Sequence[Any]) -> dict[str, Any]:
    """What makes a Trainer quiet, but for what the callbacks need."""
    return {
        "logger": False,
        "enable_checkpointing": _has_one(package.callbacks.Checkpoint, callbacks),
        "enable_progress_bar": _has_one(package.callbacks.ProgressBar, callbacks),
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "profiler": _no_profiler(package),
    }


def _no_profiler(package: Any) -> Any:
    """Returns a profiler that does nothing, and at once: Lightning asks it dozens of times a batch.

    Its own does nothing either, but makes a generator, and runs it, each time.
    """
    profiler, nothing = package.profilers.PassThroughProfiler(), contextlib.nullcontext()
    profiler.profile = lambda name: nothing
    return profiler


def _devices(task: Task, package: Any) -> dict[str, Any]:
    if task.devices_per_trial > 1:
        return rank_arguments(package)
    # In a Slurm allocation, say, Lightning would take this process for one of the job's tasks.
    environments = importlib.import_module(f"{package.__name__}.plugins.environments")
    return {"devices": 1, "plugins": environments.LightningEnvironment()}


def _has_one(kind: type, callbacks: Sequence[Any]) -> bool:
    return any(isinstance(callback, kind) for callback in callbacks)
