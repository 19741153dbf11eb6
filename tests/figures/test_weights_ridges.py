from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from regsearch.figures.data import StudyData, WeightHistory
from regsearch.figures.weights_ridges import layer_ridges
from tests.figures.synthetic import study

SIZE = 500


def _history(spread: float, limit: float, epochs: int = 3, zeros: int = 0) -> WeightHistory:
    edges = np.linspace(-limit, limit, 65)
    weights = np.random.default_rng(0).normal(0, spread, (epochs, SIZE - zeros))
    counts = np.array([np.histogram(np.clip(row, -limit, limit), edges)[0] for row in weights])
    return WeightHistory(np.arange(epochs), counts, np.full(epochs, zeros), edges)


def _of(*histories: WeightHistory) -> StudyData:
    data = study(trials=len(histories))
    return dataclasses.replace(data, weights={n: {"w": h} for n, h in enumerate(histories)})


def test_all_trials_stand_in_the_same_bins_with_all_their_weights() -> None:
    spreads = {0.02: 0.25, 0.05: 0.5, 0.2: 1.0}
    data = _of(*(_history(spread, limit) for spread, limit in spreads.items()))
    found = layer_ridges(data, range(3), "w")
    assert {r.counts.shape for r in found.of_trial.values()} == {(3, found.bins)}
    assert {r.limit for r in found.of_trial.values()} == {found.limit}
    assert all((r.counts.sum(axis=1) == SIZE).all() for r in found.of_trial.values())
    assert found.beyond == 0
    assert found.peak == max(r.counts.max() for r in found.of_trial.values())


def test_one_trial_that_ran_away_does_not_squeeze_the_others() -> None:
    usual = [_history(0.1, 0.5, zeros=50) for _ in range(5)]
    found = layer_ridges(_of(*usual, _history(300.0, 1024.0, zeros=50)), range(6), "w")
    assert found.limit <= 4.0
    assert found.beyond == 1
    runaway = found.of_trial[5]
    assert runaway.counts.sum() < 0.5 * 3 * SIZE
    assert runaway.shares.tolist() == [0.1] * 3


def test_trials_without_the_layer_are_left_out() -> None:
    data = _of(_history(0.1, 0.5), _history(0.1, 0.5))
    weights = {0: data.weights[0], 1: {}}
    found = layer_ridges(dataclasses.replace(data, weights=weights), range(9), "w")
    assert set(found.of_trial) == {0}


def test_nothing_but_zeros_has_no_range() -> None:
    empty = WeightHistory(
        np.arange(2), np.zeros((2, 64), int), np.full(2, SIZE), np.linspace(-1, 1, 65)
    )
    found = layer_ridges(_of(empty, empty), range(2), "w")
    assert (found.limit, found.peak) == (0.0, 0.0)
    assert found.of_trial[0].shares.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("limit", [0.0, math.nan, math.inf])
def test_a_history_without_a_range_is_left_out(limit: float) -> None:
    good = _history(0.1, 0.5)
    with np.errstate(invalid="ignore"):
        edges = np.linspace(-1, 1, 65) * limit
    broken = dataclasses.replace(good, edges=edges)
    assert set(layer_ridges(_of(broken, good), range(2), "w").of_trial) == {1}


def test_reports_without_a_step_are_left_out() -> None:
    history = _history(0.1, 0.5)
    steps = np.array([0.0, math.nan, 2.0])
    found = layer_ridges(
        _of(dataclasses.replace(history, steps=steps)), [0], "w"
    )  # as a damaged file may hold
    assert found.of_trial[0].steps.tolist() == [0, 2]


def test_no_reports_and_no_trials_give_nothing() -> None:
    none = WeightHistory(
        np.zeros(0, int), np.zeros((0, 64), int), np.zeros(0, int), np.linspace(-1, 1, 65)
    )
    assert not layer_ridges(_of(none), [0], "w").of_trial
    assert not layer_ridges(study(trials=1), [], "w").of_trial
