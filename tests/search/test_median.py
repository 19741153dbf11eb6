"""The median rule against Optuna's own."""

from __future__ import annotations

import random

import optuna
import pytest
from optuna.pruners import MedianPruner
from optuna.trial import TrialState

from regsearch.search.median import RunningMedianPruner

STEPS = 8


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("seed", range(3))
def test_decides_as_optuna_does_on_interleaved_trials(direction: str, seed: int) -> None:
    ours = RunningMedianPruner(n_startup_trials=5, n_warmup_steps=2)
    theirs = MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    study = optuna.create_study(direction=direction)
    draws = random.Random(seed)
    live: dict[optuna.Trial, int] = {}
    decisions = []
    while len(study.trials) < 60:
        if len(live) < 4:
            live[study.ask()] = 0
        trial = draws.choice(list(live))
        trial.report(round(draws.gauss(trial.number % 5, 1.0), 1), live[trial])
        live[trial] += 1
        stored = study.get_trials(deepcopy=False)[trial.number]
        decisions.append(ours.prune(study, stored))
        assert decisions[-1] == theirs.prune(study, stored)
        if decisions[-1] or live[trial] == STEPS:
            del live[trial]
            failed = draws.random() < 0.1
            state = TrialState.FAIL if failed else TrialState.PRUNED if decisions[-1] else None
            study.tell(trial, None if state else draws.random(), state)
    assert 5 < sum(decisions) < len(decisions) / 2


def test_compares_only_what_was_measured_at_the_same_step() -> None:
    study = optuna.create_study()
    for _ in range(6):
        trial = study.ask()
        trial.report(0.0, 0)
        study.tell(trial, 0.0)
    pruner = RunningMedianPruner(n_startup_trials=5, n_warmup_steps=0)
    trial = study.ask()
    assert not pruner.prune(study, study.get_trials()[trial.number])
    trial.report(1.0, 1)
    assert not pruner.prune(study, study.get_trials()[trial.number])
