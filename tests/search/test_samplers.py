from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from regsearch.search.joint import JointSampler
from regsearch.search.median import RunningMedianPruner
from regsearch.search.samplers import choose_pruner, choose_sampler, draw_seed
from regsearch.search.space import Space
from tests.search.tasks import TASK
from tests.search.toys import go, study

LR = {"lr": FloatDistribution(1e-4, 1e-1, log=True)}
TO_GP = Space(("elastic_net",), extra=LR)


def chosen(space: Space, pruner: Any = None, n_trials: int = 100) -> type[BaseSampler]:
    sampler = choose_sampler("auto", space, pruner=pruner or NopPruner(), n_trials=n_trials, seed=0)
    return type(sampler)


def test_one_smooth_kind_gets_a_gaussian_process() -> None:
    assert chosen(TO_GP) is GPSampler
    assert chosen(TO_GP, n_trials=101) is TPESampler
    assert chosen(TO_GP, MedianPruner()) is TPESampler
    assert chosen(Space(("l1",), lam=[1e-3, 1e-2])) is TPESampler
    assert chosen(replace(TO_GP, extra={**LR, "a": FloatDistribution(0, 1)})) is TPESampler
    assert chosen(replace(TO_GP, extra={"a": CategoricalDistribution([1, 2])})) is TPESampler


def test_kinds_with_ranges_of_their_own_are_joined() -> None:
    assert chosen(Space()) is JointSampler
    assert chosen(Space(lam=(1e-4, 1e-2))) is TPESampler
    own = RandomSampler(seed=0)
    same = choose_sampler(own, TO_GP, pruner=NopPruner(), n_trials=1, seed=0)
    assert same is own


def test_warm_up_is_two_fifths() -> None:
    pruner = choose_pruner("auto", replace(TASK, max_epochs=30))
    assert isinstance(pruner, RunningMedianPruner)
    assert pruner._n_warmup_steps == 12
    own = HyperbandPruner()
    assert choose_pruner(own, TASK) is own


@pytest.mark.parametrize(
    ("choice", "task"),
    [
        (None, replace(TASK, max_epochs=30)),
        ("auto", replace(TASK, max_epochs=9)),
        ("auto", replace(TASK, max_epochs=30, trainer={"check_val_every_n_epoch": 5})),
    ],
)
def test_nothing_is_pruned(choice: Any, task: Any) -> None:
    assert isinstance(choose_pruner(choice, task), NopPruner)


def test_seeds_differ_as_a_study_goes_on() -> None:
    assert len({draw_seed(seed, trials) for seed in range(20) for trials in range(20)}) == 400


def test_gaussian_process_runs_a_study() -> None:
    result = go(study(12, space=Space(("l1",)), pruner=None, storage=None))
    assert abs(result.best.params["lam"] - 1e-3) < 1e-3
