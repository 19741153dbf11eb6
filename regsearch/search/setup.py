"""Makes a study ready to go on: the same question, its queue filled, sampler and pruner set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import optuna

from regsearch.search.fingerprint import check_unchanged, remember
from regsearch.search.points import enqueue_missing
from regsearch.search.samplers import (
    PrunerChoice,
    SamplerChoice,
    choose_pruner,
    choose_sampler,
    draw_seed,
    first_points,
)
from regsearch.search.space import Space
from regsearch.training.task import Task


@dataclass(frozen=True)
class Choices:
    """What may differ from one run of a study to the next.

    Attributes:
        sampler: See `choose_sampler`.
        pruner: See `choose_pruner`.
        n_trials: How many trials to go on to.
        seed: The study's seed, which may not differ.
    """

    sampler: SamplerChoice
    pruner: PrunerChoice
    n_trials: int
    seed: int


def set_up(
    study: optuna.Study, asked: Mapping[str, str], task: Task, space: Space, choices: Choices
) -> None:
    """Prepares an Optuna study for its next trials.

    The fingerprint is stored last: a study without one was not set up to its end.

    Raises:
        StudyChangedError: If the stored study asks something else.
    """
    check_unchanged(study, asked)
    points = first_points(choices.sampler, space, n_trials=choices.n_trials, seed=choices.seed)
    enqueue_missing(study, points)  # those that failed come again, the baseline among them
    remember(study, asked)
    study.pruner = choose_pruner(choices.pruner, task)
    study.sampler = choose_sampler(
        choices.sampler,
        space,
        pruner=study.pruner,
        n_trials=choices.n_trials,
        seed=draw_seed(choices.seed, len(study.get_trials(deepcopy=False))),
    )
