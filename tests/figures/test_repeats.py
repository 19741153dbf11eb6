from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from regsearch.figures.repeats import best_setting, interval
from tests.figures.synthetic import ODD, over_seeds, study


def test_the_mean_over_seeds_counts_and_a_lucky_run_does_not() -> None:
    best = best_setting(over_seeds())
    assert best is not None
    assert best.row["lam"] == 1e-3
    assert best.mean == pytest.approx(0.22)
    assert sorted(best.values) == [0.20, 0.22, 0.24]


def test_without_repeats_the_best_trial_is_the_best_setting() -> None:
    best = best_setting(study())
    assert best is not None
    assert len(best.values) == 1
    assert interval(best.values) is None
    assert best_setting(ODD["all failed"]()) is None


def test_an_interval_lies_around_the_mean_and_is_the_same_again() -> None:
    values = [0.20, 0.22, 0.24, 0.25]
    found = interval(values)
    assert found is not None
    low, high = found
    assert min(values) <= low < sum(values) / 4 < high <= max(values)
    assert interval(values) == found


def test_equal_runs_leave_no_doubt() -> None:
    assert interval([0.5, 0.5]) == (0.5, 0.5)


def test_the_same_run_made_twice_is_no_repeat() -> None:
    data = study()
    worst = data.trials.sort_values("value").tail(1)
    twice = dataclasses.replace(data, trials=pd.concat([data.trials, worst], ignore_index=True))
    best = best_setting(twice)
    assert best is not None
    assert best.values == (data.trials["value"].min(),)
