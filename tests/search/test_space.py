from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FixedTrial

from regsearch.penalties import KINDS, L1, RATIO_KINDS, ElasticNet
from regsearch.search.joint import JointSampler
from regsearch.search.ranges import DEFAULT_RANGES
from regsearch.search.space import BASELINE, Space

ALL = tuple(KINDS)


def objective(space: Space, seen: list[dict[str, Any]]) -> Any:
    def run(trial: optuna.Trial) -> float:
        params = space.suggest(trial)
        space.penalty(params)
        seen.append(params)
        return math.log10(params["lam"] + 1e-7) ** 2 + params.get("l1_ratio", 0.0)

    return run


def optimized(space: Space, sampler: BaseSampler, n: int = 30) -> tuple[optuna.Study, list[Any]]:
    study = optuna.create_study(sampler=sampler)
    seen: list[dict[str, Any]] = []
    if space.baseline:
        space.enqueue_baseline(study)
    study.optimize(objective(space, seen), n_trials=n)
    return study, seen


SAMPLERS = {
    "tpe": lambda: TPESampler(seed=1, n_startup_trials=5),
    "gp": lambda: GPSampler(seed=1, n_startup_trials=24),
    "cma": lambda: CmaEsSampler(seed=1, warn_independent_sampling=False),
    "qmc": lambda: QMCSampler(seed=1, warn_independent_sampling=False),
    "random": lambda: RandomSampler(seed=1),
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_stays_in_the_range_of_each_kind(name: str, wrapped: bool) -> None:
    space = Space(ALL)
    sampler = SAMPLERS[name]()
    study, seen = optimized(space, JointSampler(sampler, space) if wrapped else sampler)
    for params in seen[1:]:
        kind = params["penalty"]
        low, high = DEFAULT_RANGES.get(kind, (0.0, 0.0))
        assert low <= params["lam"] <= high
        assert ("l1_ratio" in params) == (kind in RATIO_KINDS)
    for trial, params in zip(study.trials[1:], seen[1:], strict=True):
        assert params["penalty"] == "none" or trial.params["lam"] == params["lam"]


def test_baseline_comes_first_and_leaves_the_joint_space_whole() -> None:
    space = Space(lam=(1e-5, 1e-2), extra={"lr": FloatDistribution(1e-4, 1e-1, log=True)})
    study, seen = optimized(space, TPESampler(seed=0), n=3)
    assert seen[0] == {"penalty": "none", "lam": 0.0, "lr": seen[0]["lr"]}
    assert all(params["penalty"] != "none" for params in seen[1:])
    joint = IntersectionSearchSpace().calculate(study)
    assert set(joint) == {"penalty", "lam", "l1_ratio", "lr"}


def test_joint_sampler_gives_samplers_the_range_of_all_kinds() -> None:
    space = Space(("l1", "l2"))
    sampler = JointSampler(TPESampler(seed=0), space)
    study, _ = optimized(space, sampler, n=3)
    assert "lam" not in IntersectionSearchSpace().calculate(study)
    joint = sampler.infer_relative_search_space(study, study.trials[0])
    assert joint["lam"] == FloatDistribution(1e-6, 1e-1, log=True)
    assert set(joint) == {"lam", "penalty"}


@pytest.mark.parametrize("kind", ALL)
def test_suggests_inside_anybodys_trial(kind: str) -> None:
    low, high = DEFAULT_RANGES.get(kind, (1e-6, 1e-1))
    lam = math.sqrt(low * high)
    params = Space(ALL).suggest(FixedTrial({"penalty": kind, "lam": lam, "l1_ratio": 0.5}))
    assert params["penalty"] == kind
    assert params["lam"] == (0.0 if kind == "none" else lam)


def test_builds_the_penalty() -> None:
    space = Space()
    fixed = FixedTrial({"penalty": "elastic_net", "lam": 0.01, "l1_ratio": 0.25})
    assert space.penalty(space.suggest(fixed)) == ElasticNet(0.01, 0.25)
    assert space.penalty({"penalty": "l1", "lam": 0.5, "width": 3}) == L1(0.5)


def test_a_mark_makes_a_trial_the_baseline() -> None:
    trial = FixedTrial({"penalty": "l1", "lam": 1e-6, "width": 7})
    trial.set_user_attr(BASELINE, True)
    space = Space(("l1",), extra={"width": IntDistribution(1, 9)})
    assert space.suggest(trial) == {"penalty": "none", "lam": 0.0, "width": 7}


def test_a_zero_in_a_list_is_the_baseline() -> None:
    space = Space(("l1",), lam=[0.0, 1e-3])
    assert space.suggest(FixedTrial({"penalty": "l1", "lam": 0.0}))["penalty"] == "none"
    assert space.suggest(FixedTrial({"penalty": "l1", "lam": 1e-3})) == {
        "penalty": "l1",
        "lam": 1e-3,
    }


def test_lists_of_each_kind_are_kept_to() -> None:
    space = Space(("l1", "l2"), lam={"l1": [1e-4, 1e-3], "l2": [1e-2]}, baseline=False)
    _, seen = optimized(space, TPESampler(seed=0))
    assert {p["lam"] for p in seen if p["penalty"] == "l1"} == {1e-4, 1e-3}
    assert {p["lam"] for p in seen if p["penalty"] == "l2"} == {1e-2}


def test_extras_of_every_form() -> None:
    extra = {
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "drop": FloatDistribution(0.0, 0.5, step=0.25),
        "width": IntDistribution(8, 64, log=True),
        "act": CategoricalDistribution(["relu", None]),
    }
    study, seen = optimized(Space(extra=extra), RandomSampler(seed=0), n=20)
    assert {p["drop"] for p in seen} <= {0.0, 0.25, 0.5}
    assert all(8 <= p["width"] <= 64 for p in seen)
    assert study.trials[-1].distributions.items() >= extra.items()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"penalties": ("l1", "l3")}, r"known kinds, but got \['l3'\].*sparse_group_lasso"),
        ({"penalties": ()}, "sequence of kinds"),
        ({"penalties": "l1"}, "sequence of kinds"),
        ({"penalties": ("l1", "l1")}, "each kind once"),
        ({"lam": (1e-2, 1e-3)}, r"lo <= hi, but got \(0.01, 0.001\)"),
        ({"lam": (0.0, 1.0)}, "above 0"),
        ({"lam": (-1.0, 1.0)}, "above 0"),
        ({"lam": (1e-3, math.nan)}, "finite"),
        ({"lam": (1e-3, math.inf)}, "finite"),
        ({"lam": (1e-3,)}, "lo, hi"),
        ({"lam": ("a", "b")}, "lo, hi"),
        ({"lam": []}, "finite numbers at least 0"),
        ({"lam": [0.0]}, "a value above 0"),
        ({"lam": [1e-3, -1.0]}, "finite numbers at least 0"),
        ({"lam": {"l9": (1e-3, 1.0)}}, r"among those of penalties.*\['l9'\]"),
        ({"lam": {"l1": [1e-3]}}, "all kinds or none"),
        ({"lam": {"l1": (1.0, 1e-3)}}, r"lam\['l1'\]"),
        ({"l1_ratio": (0.5, 1.5)}, r"l1_ratio must be a range.*in \[0, 1\]"),
        ({"l1_ratio": (0.9, 0.1)}, "lo <= hi"),
        ({"l1_ratio": [0.5, 2.0]}, r"in \[0, 1\]"),
        ({"extra": {"lam": FloatDistribution(0, 1)}}, "must not use the names"),
    ],
)
def test_refuses_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Space(**arguments)


@pytest.mark.parametrize("arguments", [{"lam": 0.1}, {"extra": {"lr": (1e-3, 1.0)}}])
def test_refuses_another_form(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Space(**arguments)
