from __future__ import annotations

import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from regsearch.search.points import grid, spread
from regsearch.search.space import Space


@pytest.mark.parametrize("seed", range(5))
def test_a_spread_start_covers_kinds_and_strengths(seed: int) -> None:
    space = Space()
    points = [point.params for point in spread(space, 30, seed)]
    for kind in space.kinds:
        own = sorted(math.log10(p["lam"]) for p in points if p["penalty"] == kind)
        strength = space.strengths[kind]
        assert isinstance(strength, FloatDistribution)
        low, high = math.log10(strength.low), math.log10(strength.high)
        assert len(own) == 10
        gaps = [b - a for a, b in zip([low, *own], [*own, high], strict=True)]
        assert max(gaps) < 0.25 * (high - low)
    assert points[:8] == [point.params for point in spread(space, 8, seed)]


def test_a_spread_start_differs_by_seed() -> None:
    assert spread(Space(), 8, 0) != spread(Space(), 8, 1)


def test_a_space_without_strengths_has_no_spread() -> None:
    assert spread(Space(("none",)), 8, 0) == []


def test_a_grid_multiplies_extras() -> None:
    extra = {
        "act": CategoricalDistribution(["relu", "tanh"]),
        "depth": IntDistribution(1, 5, step=2),
        "drop": FloatDistribution(0.0, 0.2, step=0.1),
    }
    points = grid(Space(("l1",), lam=[1e-3], extra=extra))
    assert len(points) == 2 * 2 * 3 * 3
    assert [point.baseline for point in points] == [True] * 18 + [False] * 18
    assert {point.params["drop"] for point in points} == {0.0, 0.1, 0.2}


def test_a_grid_takes_each_kind_its_own_strengths() -> None:
    space = Space(("l1", "l2"), lam={"l1": [1e-3], "l2": [1e-2, 1e-3]}, baseline=False)
    points = [(p.params["penalty"], p.params["lam"]) for p in grid(space)]
    assert points == [("l1", 1e-3), ("l2", 1e-3), ("l2", 1e-2)]


def test_a_grid_needs_finitely_many_values() -> None:
    with pytest.raises(ValueError, match=r"extra\['lr'\] is FloatDistribution"):
        grid(Space(lam=[1e-3], extra={"lr": FloatDistribution(0, 1)}))
    with pytest.raises(ValueError, match="l2 has the range"):
        grid(Space(("l2",), lam=(1e-3, 1e-2)))
