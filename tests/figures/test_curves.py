from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regsearch.figures.curves import Pair, curves, gap, pair_of
from regsearch.figures.data import StudyData
from tests.figures.synthetic import ODD, study


def _with(monitor: str, **columns: str) -> StudyData:
    data = study(trials=8)
    named = data.curves.assign(**{new: data.curves[old] for new, old in columns.items()})
    return replace(data, monitor=monitor, curves=named)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (study(trials=2), Pair("loss/data", "val_loss")),
        (_with("val_acc"), Pair("loss/data", "val_loss")),
        (_with("val_acc", train_acc="val_acc"), Pair("train_acc", "val_acc")),
        (_with("val_loss", train_loss="loss/data"), Pair("train_loss", "val_loss")),
        (ODD["columns missing"](), None),
        (ODD["bare"](), None),
    ],
)
def test_like_is_compared_with_like(data: StudyData, expected: Pair | None) -> None:
    assert pair_of(data) == expected


def test_training_and_validation_of_the_best_of_each_kind_are_strong() -> None:
    figure = curves(study(trials=60))
    strong = [trace for trace in figure.data if trace.line.width == 2.5]
    assert len([trace for trace in strong if trace.line.dash == "dot"]) == 4
    assert len([trace for trace in strong if trace.line.dash == "solid"]) == 4


def test_the_gap_is_validation_minus_training() -> None:
    data = study(trials=1)
    told = data.curves[data.curves["trial"] == 0]
    trace = next(trace for trace in gap(data).data if trace.line.width == 2.5)
    np.testing.assert_allclose(trace.y, told["val_loss"] - told["loss/data"])


def test_without_a_training_curve_the_gap_says_what_it_needs() -> None:
    text = gap(ODD["columns missing"]()).layout.annotations[0].text.replace("<br>", " ")
    assert "needs a training curve" in text


def test_a_trial_that_diverged_does_not_flatten_the_gaps_of_the_others() -> None:
    data = study()
    before = gap(data).layout.yaxis.range
    far = data.curves["trial"] == 3
    curves = data.curves.assign(val_loss=data.curves["val_loss"].where(~far, 1e6))
    figure = gap(replace(data, curves=curves))
    assert figure.layout.yaxis.range[1] < 2 * before[1]
    assert "1 line partly outside" in figure.layout.xaxis.title.text
