from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from regsearch.figures.axes import Scale, scale_of
from regsearch.figures.data import StudyData
from regsearch.figures.ranking import complete, table
from regsearch.figures.validation import curve_of, validation
from tests.figures.synthetic import ODD, study


def _bowl(lams: list[float], center: float = -3.0) -> StudyData:
    values = [0.1 + 0.02 * (math.log10(lam) - center) ** 2 for lam in lams]
    frame = pd.DataFrame({"number": range(len(lams)), "state": "complete", "value": values})
    frame = frame.assign(penalty="l1", lam=lams)
    return StudyData("bowl", "val_loss", "minimize", frame, pd.DataFrame())


def _words(data: StudyData) -> list[str]:
    figure = validation(data)
    return [note.text for note in figure.layout.annotations]


def test_the_minimum_of_a_bowl_is_found() -> None:
    data = _bowl([*np.logspace(-5, -1, 40)])
    curve = curve_of(data, table(data), "l1", scale_of(data.trials["value"]))
    assert curve is not None
    assert abs(math.log10(curve.lams[curve.at]) + 3) < 0.15
    assert not curve.is_at_edge
    assert _words(data) == ["◀ overfitting", "underfitting ▶"]


def test_of_a_grid_the_best_of_each_strength_counts() -> None:
    data = _bowl([1e-4, 1e-3, 1e-2] * 2)
    worse = data.trials.assign(value=data.trials["value"] + [0, 0, 0, 1, 1, 1])
    curve = curve_of(data, table(replace(data, trials=worse)), "l1", Scale(False, 0.0, 2.0))
    assert curve is not None
    np.testing.assert_allclose(curve.lams, [1e-4, 1e-3, 1e-2])
    np.testing.assert_allclose(curve.values, data.trials["value"].head(3))


def test_a_minimum_at_the_edge_is_said_and_names_no_sides() -> None:
    data = _bowl([*np.logspace(-5, -1, 20)], center=-7)
    assert _words(data) == []
    assert "try weaker ones" in validation(data).layout.xaxis.title.text
    stronger = _bowl([*np.logspace(-5, -1, 20)], center=1)
    assert "try stronger ones" in validation(stronger).layout.xaxis.title.text


def test_the_baseline_is_a_line_and_not_a_point() -> None:
    figure = validation(study())
    assert any("no penalty" in (trace.name or "") for trace in figure.data)
    drawn = [x for trace in figure.data for x in trace.x if x is not None]
    assert min(drawn) > 0


def test_accuracy_has_its_maximum_marked() -> None:
    data = _bowl([*np.logspace(-5, -1, 40)])
    flipped = replace(
        data, direction="maximize", trials=data.trials.assign(value=lambda f: -f["value"])
    )
    curve = curve_of(flipped, table(flipped), "l1", Scale(False, -1.0, 0.0))
    assert curve is not None
    assert abs(math.log10(curve.lams[curve.at]) + 3) < 0.15
    assert curve.values[curve.at] == curve.values.max()


def test_an_outlier_is_told_of() -> None:
    text = validation(ODD["an outlier"]()).layout.xaxis.title.text
    assert "above the axis, the farthest at 4.2e+07" in text


def test_of_many_trials_the_curve_follows_their_bends() -> None:
    data = study(trials=400, epochs=50)
    frame = table(data)
    curve = curve_of(data, frame, "l1", scale_of(frame["value"].dropna()))
    assert curve is not None
    own = complete(frame).query("penalty == 'l1'")
    strong = own[own["lam"] > curve.lams[-1] / 2]
    assert 0.7 < curve.values[-1] / strong["value"].median() < 1
