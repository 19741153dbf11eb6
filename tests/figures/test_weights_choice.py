from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest

from regsearch.figures.data import StudyData, WeightHistory
from regsearch.figures.weights_choice import FEWEST_EPOCHS, Most, choice
from tests.figures.synthetic import study


@cache
def _study(trials: int, layers: int, epochs: int) -> StudyData:
    history = WeightHistory(
        np.arange(epochs), np.ones((epochs, 4), int), np.zeros(epochs, int), np.linspace(-1, 1, 5)
    )
    weights = {f"block.{i}.weight": history for i in range(layers)}
    data = study(trials=trials, epochs=2)
    return dataclasses.replace(data, weights=dict.fromkeys(range(trials), weights))


def test_a_small_study_is_drawn_whole() -> None:
    chosen = choice(_study(trials=12, layers=3, epochs=5), Most())
    assert len(chosen.trials) == 12
    assert len(chosen.layers) == 3
    assert (chosen.epochs, chosen.note) == (5, "")


def test_trials_come_by_strength() -> None:
    chosen = choice(_study(trials=30, layers=1, epochs=1), Most())
    assert chosen.trials["lam"].is_monotonic_increasing


def test_of_many_trials_an_even_choice_is_drawn_with_the_ends_and_the_best() -> None:
    data = _study(trials=200, layers=1, epochs=1)
    chosen = choice(data, Most(trials=9))
    ranks = data.trials["lam"].rank(method="first")[chosen.trials["number"]].to_numpy()
    assert len(set(chosen.trials["number"])) == 9
    assert (ranks[0], ranks[-1]) == (1, 200)
    assert (np.diff(ranks) <= 2 * 200 / 8).all()
    assert chosen.note == "Shown: 9 of 200 trials, evenly over λ."


@pytest.mark.parametrize("most", [1, 2, 5, 12, 39])
def test_the_best_trial_is_always_among_them(most: int) -> None:
    data = _study(trials=200, layers=1, epochs=1)
    finished = data.trials[data.trials["state"] == "complete"]
    best = finished.loc[finished["value"].idxmin(), "number"]
    numbers = choice(data, Most(trials=most)).trials["number"].to_list()
    assert best in numbers
    assert len(set(numbers)) == most


@pytest.mark.parametrize("trials", [1, 10, 60])
@pytest.mark.parametrize("layers", [1, 12, 100])
@pytest.mark.parametrize("epochs", [1, 30, 300])
@pytest.mark.parametrize("ridges", [40, 9000])
def test_what_is_drawn_stays_within_bounds(
    trials: int, layers: int, epochs: int, ridges: int
) -> None:
    chosen = choice(_study(trials, layers, epochs), Most(ridges=ridges))
    drawn = len(chosen.trials) * len(chosen.layers) * chosen.epochs
    assert 1 <= drawn <= ridges
    assert chosen.epochs >= min(epochs, FEWEST_EPOCHS)
    is_whole = (len(chosen.trials), len(chosen.layers), chosen.epochs) == (trials, layers, epochs)
    assert (chosen.note == "") == is_whole


def test_what_is_left_out_is_said() -> None:
    note = choice(_study(trials=60, layers=100, epochs=300), Most(ridges=9000)).note
    assert (
        note
        == "Shown: 40 of 60 trials, evenly over λ; 24 of 100 layers; 9 of 300 validation epochs."
    )


def test_trials_without_histograms_are_no_part_of_it() -> None:
    data = study(trials=20)
    assert set(choice(data, Most()).trials["number"]) == set(data.weights)
    empty = dataclasses.replace(data, weights={0: {}})
    assert choice(empty, Most()).trials.empty


def test_a_study_without_trials_has_nothing_to_draw() -> None:
    empty = StudyData("s", "val_loss", "minimize", pd.DataFrame(), pd.DataFrame())
    chosen = choice(empty, Most())
    assert (len(chosen.trials), chosen.layers, chosen.note) == (0, (), "")
