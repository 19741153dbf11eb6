"""Which sampler and which pruner a study uses when it leaves the choice open."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from regsearch.search.joint import JointSampler
from regsearch.search.median import RunningMedianPruner
from regsearch.search.points import Point, grid, spread
from regsearch.search.space import Space
from regsearch.training.task import Task

SamplerChoice: TypeAlias = Literal["auto", "grid"] | BaseSampler
PrunerChoice: TypeAlias = Literal["auto"] | BasePruner | None

STARTUP = 8
GP_DIMENSIONS = 3
GP_TRIALS = 100
WARM_UP = 0.4
EPOCHS_TO_PRUNE = 10


def choose_sampler(
    choice: SamplerChoice, space: Space, *, pruner: BasePruner, n_trials: int, seed: int
) -> BaseSampler:
    """Returns the sampler of a study.

    "auto" is a Gaussian process for one kind with at most three numeric parameters, at most 100
    trials and no pruning, and TPE otherwise. On the digits (`tests/benchmarks/README.md`) the two
    are level after 16 trials, ahead of random search; after 32 the process is closest to the best,
    but it ignores pruned trials and takes longer for a suggestion the more trials there are. Either
    begins with `STARTUP` settings spread over the space, see `regsearch.search.points.spread`.

    Args:
        choice: "auto", "grid" or a sampler, which is used with its own seed.
        space: What is searched.
        pruner: The study's pruner.
        n_trials: How many trials the study goes on to.
        seed: See `draw_seed`.
    """
    if isinstance(choice, BaseSampler):
        sampler = choice
    elif choice == "grid":
        return RandomSampler(seed=seed)
    elif _is_smooth(space) and isinstance(pruner, NopPruner) and n_trials <= GP_TRIALS:
        sampler = GPSampler(seed=seed, n_startup_trials=STARTUP)
    else:
        sampler = TPESampler(seed=seed, n_startup_trials=STARTUP)
    return JointSampler(sampler, space) if len(set(space.strengths.values())) > 1 else sampler


def first_points(choice: SamplerChoice, space: Space, *, n_trials: int, seed: int) -> list[Point]:
    """Returns what a study queues at its start: the baseline first, then the grid or the spread."""
    if choice == "grid":
        return grid(space)
    baseline = [Point(space.surrogate(), baseline=True)] if space.baseline else []
    start = spread(space, STARTUP, seed) if choice == "auto" else []
    return [*baseline, *start][:n_trials]


def choose_pruner(choice: PrunerChoice, task: Task) -> BasePruner:
    """Returns the pruner of a study.

    "auto" stops a trial whose best value so far is worse than the median of the completed trials at
    the same epoch, after a warm-up of 40 % of the epochs (a penalty delays the fit, so that an
    earlier verdict favours small λ) and after five completed trials. Below ten epochs nothing is
    pruned.
    """
    if isinstance(choice, BasePruner):
        return choice
    reports = task.max_epochs // (task.trainer.get("check_val_every_n_epoch") or 1)
    if choice is None or reports < EPOCHS_TO_PRUNE:
        return NopPruner()
    return RunningMedianPruner(n_startup_trials=5, n_warmup_steps=math.ceil(WARM_UP * reports))


def draw_seed(seed: int, trials: int) -> int:
    """Returns a sampler's seed for a study that goes on after so many trials.

    A sampler that began anew with the study's seed would repeat its first random draws.
    """
    return int(np.random.SeedSequence([seed, trials]).generate_state(1)[0])


def _is_smooth(space: Space) -> bool:
    """Tells whether the space is small and has no categories but one kind."""
    own = [*space.strengths.values(), *([] if space.ratio is None else [space.ratio])]
    varied = [d for d in [*own, *(space.extra or {}).values()] if not d.single()]
    numeric = not any(isinstance(d, CategoricalDistribution) for d in varied)
    return len(space.penalties) == 1 and numeric and len(varied) <= GP_DIMENSIONS
