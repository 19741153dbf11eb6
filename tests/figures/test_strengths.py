from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plotly.graph_objects import Figure

from regsearch.figures.contour import contour
from regsearch.figures.data import StudyData
from regsearch.figures.path import path
from regsearch.figures.strengths import beyond_note, is_usual, usual
from regsearch.figures.validation import validation
from tests.figures.synthetic import study

NEAR = (1e-5, 1e-4, 1e-3, 1e-2)


@pytest.mark.parametrize(
    ("lams", "ends"),
    [
        ([*NEAR], (1e-5, 1e-2)),
        ([1e-12, *NEAR], (1e-5, 1e-2)),
        ([*NEAR, 1e6], (1e-5, 1e-2)),
        ([1e-8, *NEAR], (1e-8, 1e-2)),  # no farther away than the others are apart
        ([1e-12, 1e-11, *NEAR], (1e-12, 1e-2)),  # two of six are not few
        ([1e-12, 1e-11, *np.geomspace(1e-5, 1e-2, 40)], (1e-5, 1e-2)),
        ([1e-12, 1e-3, 1e-3], (1e-12, 1e-3)),  # too few to be the rule
        ([0.0, np.nan, 1e-3], (1e-3, 1e-3)),
        ([0.0], None),
        ([], None),
    ],
)
def test_only_a_lone_strength_far_away_is_left_out(
    lams: list[float], ends: tuple[float, float] | None
) -> None:
    assert usual(lams) == (None if ends is None else pytest.approx(ends))


def test_what_is_left_out_is_said() -> None:
    lams = [1e-12, 2e-12, *NEAR]
    assert beyond_note(lams, (1e-5, 1e-2)) == "◀ 2 trials left of the axis, λ 1.0e-12"
    assert beyond_note([*NEAR, 1e6], (1e-5, 1e-2)) == "▶ 1 trial right of the axis, λ 1.0e+06"
    assert beyond_note(lams, usual(lams, kept=lams)) == ""
    assert beyond_note([], None) == ""
    assert is_usual(lams, None).all()


@pytest.fixture
def data() -> StudyData:
    """A study with one λ of 1e-12."""
    data = study(trials=60)
    done = data.trials[(data.trials["state"] == "complete") & data.trials["l1_ratio"].notna()]
    lone = done["value"].idxmax()
    trials = data.trials.copy()
    trials.loc[lone, "lam"] = 1e-12
    return dataclasses.replace(data, trials=trials)


@pytest.mark.parametrize("draw", [validation, path, contour])
def test_one_strength_does_not_squeeze_all_others(draw: type[Figure], data: StudyData) -> None:
    layout = draw(data).to_plotly_json()["layout"]
    axis = [layout[name] for name in layout if name.startswith("xaxis")][-1]
    assert axis["range"][0] > -6
    assert "◀ 1 trial left of the axis, λ 1.0e-12" in axis["title"]["text"]
