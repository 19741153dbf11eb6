"""A trial's checkpoint: what a killed trial goes on from, as if nothing had happened.

Where a Task checkpoints, each epoch that ends with a validation is saved before its report goes up,
once everybody else is done with the epoch. A trial that is resumed from there gives bit for bit the
reports and weights of an undisturbed one. Lightning's own restart is made for the middle of an
epoch; what it leaves out between two epochs is kept here: the random generators, what has been
logged, a scheduler that waits for a metric, and a stop that has been asked for.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from regsearch.namespaces import LightningCheckpoint, Trainer
from regsearch.training.generators import generator_states, restore_generators
from regsearch.training.monitor import Monitor

_STATE = "regsearch"  # where a checkpoint holds what is kept here


class ResumeWarning(UserWarning):
    """A trial starts from the beginning, because its checkpoint cannot be read."""


def checkpoint_path(folder: Path, number: int) -> Path:
    """Returns where `train_each` keeps a trial's checkpoint.

    Args:
        folder: The folder that `train_each` was given.
        number: The trial's number.
    """
    return folder / "checkpoints" / f"{number}.ckpt"


def resumable(path: Path, resume_from: str | None) -> str | None:
    """Makes room for a trial's checkpoint and returns the one to go on from, if there is one.

    Args:
        path: Where the trial's own checkpoint will be kept. What lies there is of another trial,
            unless it is `resume_from`.
        resume_from: Checkpoint of the attempt before; one that cannot be read is warned of.
    """
    if resume_from != str(path):
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return resume_from if resume_from is not None and _is_whole(resume_from) else None


def forget(path: Path, resume_from: str | None) -> None:
    """Removes the checkpoints that a trial has no more use for, now that it has ended."""
    earlier = [Path(resume_from)] if resume_from is not None else []
    for mine in (path, *(one for one in earlier if one.parent == path.parent)):
        mine.unlink(missing_ok=True)
        _partial(mine).unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_suffix(".part")


def _is_whole(path: str) -> bool:
    try:
        return bool(torch.load(path, map_location="cpu", weights_only=True, mmap=True)[_STATE])
    except UnpicklingError:
        reason = (
            "it is broken, or holds more than tensors and plain values, which hyperparameters and "
            "the states of callbacks must be as well"
        )
    except Exception as error:  # a broken file may raise anything
        reason = f"{type(error).__name__}: {error}"
    warnings.warn(
        f"A trial starts from the beginning, since its checkpoint {path} cannot be read: {reason}.",
        ResumeWarning,
        stacklevel=2,
    )
    return False


class TrialCheckpoint(LightningCheckpoint):
    """Saves a trial after each epoch with a validation, then has the monitor send its report.

    A validation in the middle of an epoch is saved when the epoch is over: only then no data loader
    is half way. As a Lightning `Checkpoint` it comes after the module's own hooks, EarlyStopping
    and all other callbacks.

    Args:
        path: Where the checkpoint is kept, whole at any time.
        monitor: The trial's monitor, made with `sends=False`.
    """

    def __init__(self, path: Path, monitor: Monitor) -> None:
        super().__init__()
        self._path = path
        self._monitor = monitor
        self._saved: int | None = None
        self._resumed: dict[str, Any] | None = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        step = self._monitor.step
        if step != self._saved and not self._monitor.outcome().error:
            self._save(trainer)
            self._saved = step
        self._monitor.send(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[_STATE] = {
            "generators": generator_states(trainer.train_dataloader),
            "logged": dict(trainer.callback_metrics),
            "should_stop": trainer.should_stop,
            "waiting": _waiting_schedulers(trainer),
        }

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        self._resumed = checkpoint[_STATE]
        trainer.should_stop = checkpoint[_STATE]["should_stop"]

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        if self._resumed is not None:
            _begin_next_epoch(trainer.fit_loop)
            trainer.callback_metrics.update(self._resumed["logged"])
            for index in self._resumed["waiting"]:
                config = trainer.lr_scheduler_configs[index]
                metric = trainer.callback_metrics[config.monitor]
                pl_module.lr_scheduler_step(config.scheduler, metric)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        if self._resumed is not None:
            restore_generators(self._resumed["generators"], trainer.train_dataloader)
            self._resumed = None

    def _save(self, trainer: Trainer) -> None:
        partial = _partial(self._path)
        trainer.save_checkpoint(partial)
        if partial.is_dir():
            raise TypeError(
                f"A trial's checkpoint must be one file, but {type(trainer.strategy).__name__} "
                "writes a folder. Use ModelParallelStrategy(save_distributed_checkpoint=False)."
            )
        if trainer.is_global_zero:
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, self._path)


def _begin_next_epoch(fit_loop: Any) -> None:
    """Ends the restart: the saved epoch is over, so the next one begins as it would have."""
    for loop in (fit_loop, fit_loop.epoch_loop, fit_loop.epoch_loop.val_loop):
        loop.on_iteration_done()
    progress = fit_loop.epoch_progress
    for count in (progress.current, progress.total):
        count.completed = count.processed


def _waiting_schedulers(trainer: Trainer) -> list[int]:
    """Returns which schedulers Lightning steps only after the epoch's last hooks."""
    return [
        index
        for index, config in enumerate(trainer.lr_scheduler_configs)
        if config.reduce_on_plateau
        and config.interval == "epoch"
        and (trainer.current_epoch + 1) % config.frequency == 0
        and config.monitor in trainer.callback_metrics
    ]
