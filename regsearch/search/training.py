"""How a study's trials are trained: the words of `Study.run` as a train function."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def train_of(train: TrainChoice, task: Task, folder: Path, width: Width) -> Train:
    """Returns a study's train function.

    Args:
        train: See `Study.run`.
        task: What is trained.
        folder: Where weights are kept.
        width: See `Study.run`.
    """
    if train == "fused":
        wide = WIDTH if width == "auto" else width
        return functools.partial(train_fused, task, folder, width=wide)
    return functools.partial(train_each, task, folder) if isinstance(train, str) else train


def _example(space: Space) -> Mapping[str, Any]:
    """Returns the params of a trial as any other."""
    sampler = optuna.samplers.RandomSampler(seed=0)
    return space.suggest(optuna.create_study(sampler=sampler).ask())
