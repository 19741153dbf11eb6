"""How a study's trials are trained: the words of `Study.run` as a train function."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import optuna

from regsearch.search.checks import TrainChoice
from regsearch.search.space import Space
from regsearch.training.each import train_each
from regsearch.training.fused.dry_run import why_not_fusable
from regsearch.training.fused.ladder import Width
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.train import train_fused
from regsearch.training.task import Task
from regsearch.trials import Train

WIDTH = 32  # trials of a stack when nobody says: on one CPU core wider ones gain little


def check_fusable(train: TrainChoice, task: Task, space: Space) -> None:
    """Raises NotFusableError, before anything is written, if trials are to be fused and cannot."""
    if train == "fused" and (reason := why_not_fusable(task, _example(space))):
        raise NotFusableError(reason)


class Training(NamedTuple):
    """A train function, and whether it is known to save each complete trial's weights."""

    function: Train
    saves_weights: bool


def training_of(train: TrainChoice, task: Task, folder: Path, width: Width) -> Training:
    """Returns how a study's trials are trained.

    Args:
        train: See `Study.run`.
        task: What is trained.
        folder: Where weights are kept.
        width: See `Study.run`.
    """
    if not isinstance(train, str):
        return Training(train, saves_weights=False)
    if train == "fused":
        wide = WIDTH if width == "auto" else width
        return Training(functools.partial(train_fused, task, folder, width=wide), True)
    return Training(functools.partial(train_each, task, folder), True)


def _example(space: Space) -> Mapping[str, Any]:
    """Returns the params of a trial as any other."""
    sampler = optuna.samplers.RandomSampler(seed=0)
    return space.suggest(optuna.create_study(sampler=sampler).ask())
