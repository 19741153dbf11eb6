from __future__ import annotations

import numpy as np
import pytest

from regsearch.figures.axes import Scale, clipping_note, lam_axis, log_ticks, scale_of, with_note


def test_one_outlier_is_left_out_and_told_of() -> None:
    values = [0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 4e7]
    scale = scale_of(values)
    assert scale == Scale(is_log=True, low=0.1, high=0.16)
    assert scale.clipped(values).max() == 0.16
    assert clipping_note(scale, values) == "▲ 1 trial above the axis, the farthest at 4e+07"
    assert clipping_note(scale, values[:-1]) == ""


def test_collapsed_trials_are_left_out_though_they_are_many() -> None:
    values = [0.10 + 0.004 * i for i in range(12)] + [2.3] * 8
    assert scale_of(values).high < 0.2


def test_a_lone_good_value_is_never_left_out() -> None:
    values = [1.0, 1.1, 1.2, 1.3, 1.4, 1e-6]
    assert scale_of(values).low == 1e-6
    assert scale_of([-v for v in values], "maximize").high == -1e-6


def test_values_that_are_evenly_spread_are_all_drawn() -> None:
    values = np.linspace(1, 3, 50)
    assert scale_of(values) == Scale(is_log=False, low=1.0, high=3.0)


def test_outliers_below_are_left_out_where_much_is_good() -> None:
    scale = scale_of([0.9, 0.91, 0.92, 0.93, 0.94, 0.95, -1e9], "maximize")
    assert (scale.is_log, scale.low) == (False, 0.9)
    assert clipping_note(scale, [-1e9, 0.9]).startswith("▼ 1 trial below the axis")


@pytest.mark.parametrize("values", [[], [np.nan, np.inf], [0.0], [-2.0, -2.0], [1e-300, 1e300]])
def test_any_values_have_an_axis(values: list[float]) -> None:
    axis = scale_of(values).axis(above=0.1)
    assert axis["range"][0] < axis["range"][1]
    assert np.isfinite(axis["range"]).all()


def test_nothing_below_zero_stands_on_a_log_axis() -> None:
    assert not scale_of([-1.0, 10.0, 100.0]).is_log
    assert not scale_of([0.0, 10.0, 100.0]).is_log


@pytest.mark.parametrize("low", [1e-8, 3e-3, 0.12, 7.0, 5e6])
@pytest.mark.parametrize("factor", [1.0, 1.001, 1.3, 2.0, 8.0, 1e2, 1e5, 1e12])
def test_log_ticks_lie_within_and_are_few_but_enough(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor)
    values = np.array(ticks["tickvals"])
    assert len(values) == len(ticks["ticktext"]) == len({*ticks["ticktext"]})
    assert (0 if factor > 1 else 1) <= len(values) <= 12
    assert len(values) >= 2 or factor < 1.01
    assert (values >= low * 0.999999).all()
    assert (values <= low * factor * 1.000001).all()


def test_strengths_stand_by_decades() -> None:
    axis = lam_axis((1e-5, 1e-2))
    assert axis["ticktext"] == [f"10<sup>−{n}</sup>" for n in (5, 4, 3, 2)]
    assert axis["range"][0] < -5
    assert axis["range"][1] > -2
    assert lam_axis(None)["type"] == "log"


def test_empty_remarks_are_left_out() -> None:
    assert with_note("epoch", "", "") == "epoch"
    assert with_note("epoch", "", "80 of 90").count("<br>") == 1
