from __future__ import annotations

import math

import pytest

from regsearch.figures.axes import Scale
from regsearch.figures.points import descriptions, setting, symbols
from regsearch.figures.ranking import table
from tests.figures.synthetic import ODD, study


@pytest.mark.parametrize(
    ("lam", "ratio", "expected"),
    [
        (0.0026, 0.5, "λ 2.6e-03, l1_ratio 0.5"),
        (0.0, math.nan, "no penalty"),
        (0.1, None, "λ 1.0e-01"),
        (math.nan, math.nan, ""),
    ],
)
def test_a_setting_is_told_in_a_line(lam: float, ratio: float | None, expected: str) -> None:
    assert setting({"lam": lam, "l1_ratio": ratio}, ()) == expected


def test_extras_are_told_whatever_they_are() -> None:
    row = {"lam": 0.0, "l1_ratio": None, "lr": 0.00123456, "act": "relu <b>", "on": True}
    told = setting(row, ("lr", "act", "on", "gone"))
    assert told == "no penalty, lr 0.00123, act relu &lt;b&gt;, on True"


def test_what_is_beyond_the_axis_points_to_where_it_is() -> None:
    frame = table(study(trials=3)).assign(value=[-1.0, 0.5, 9.0])
    scale = Scale(is_log=False, low=0.0, high=1.0)
    assert symbols(frame, scale, "circle") == ["triangle-down", "circle", "triangle-up"]
    assert symbols(frame, scale, "circle-open")[0] == "triangle-down-open"


def test_a_trial_says_why_it_did_not_complete() -> None:
    data = ODD["gaps"]()
    told = descriptions(data, table(data))
    assert "pruned: diverged" in told[4]
    assert told[0].startswith("<b>#0 · none</b><br>no penalty")
