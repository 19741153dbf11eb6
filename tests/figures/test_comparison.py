from __future__ import annotations

from dataclasses import replace

import pytest

from regsearch.figures.comparison import best_by_kind, best_values, histories
from regsearch.figures.overlays import fronts
from regsearch.figures.sides import comparable, sides_of
from tests.figures.synthetic import ODD, over_seeds, study


def test_studies_of_one_name_are_told_apart() -> None:
    sides = sides_of([study("a"), study("b"), study("a")])
    assert [side.label for side in sides] == ["a", "b", "a (2)"]
    assert len({side.color for side in sides}) == len({side.symbol for side in sides}) == 3


def test_a_study_of_another_goal_is_left_out_and_named() -> None:
    sides, note = comparable([study("losses"), replace(ODD["maximized"](), name="accuracies")])
    assert [side.label for side in sides] == ["losses"]
    assert note == "left out, for another goal: accuracies"


def test_repeated_settings_have_an_interval_and_single_runs_none() -> None:
    seeds, single = best_values([over_seeds(), study("single")]).data
    assert seeds.x[0] == pytest.approx(0.22)
    assert seeds.error_x.array[0] > 0
    assert seeds.error_x.arrayminus[0] > 0
    assert single.error_x.array[0] == 0
    assert "mean of 3 runs" in seeds.hovertext
    assert "one run" in single.hovertext


def test_that_nothing_was_repeated_is_said() -> None:
    text = best_values([study("a"), study("b", seed=1)]).layout.xaxis.title.text
    assert "one run each" in text
    assert "bootstrap" in best_values([over_seeds(), study()]).layout.xaxis.title.text


def test_a_study_looks_the_same_in_every_figure() -> None:
    studies = [study("a"), study("b", seed=1), study("c", seed=2)]
    colors = [side.color for side in sides_of(studies)]
    for figure in (best_values(studies), best_by_kind(studies)):
        assert [trace.marker.color for trace in figure.data] == colors
    assert [trace.line.color for trace in histories(studies).data] == colors
    lines = [trace for trace in fronts(studies).data if trace.mode == "lines"]
    assert [trace.line.color for trace in lines] == colors
