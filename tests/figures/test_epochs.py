from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regsearch.figures.epochs import MOST, chosen, reports
from regsearch.figures.sparsity import sparsity_by_epoch
from tests.figures.synthetic import ODD, study


def test_of_many_trials_the_best_and_an_even_choice_are_drawn() -> None:
    data = study(trials=150, epochs=6)
    shown = chosen(data, "val_loss")
    assert len(shown.best) + len(shown.others) == MOST
    assert shown.note == f"{MOST} of 150 trials drawn"
    assert shown.note in sparsity_by_epoch(data).layout.xaxis.title.text


def test_of_few_trials_all_are_drawn_once() -> None:
    shown = chosen(study(), "val_loss")
    numbers = [*shown.best["number"], *shown.others["number"]]
    assert sorted(numbers) == [*range(40)]
    assert shown.note == ""


def test_reports_have_finite_numbers_alone() -> None:
    told = reports(ODD["gaps"](), ["val_loss"])
    assert np.isfinite(told["val_loss"]).all()
    assert 4 not in set(told["trial"])
    assert reports(ODD["bare"](), ["val_loss"]).empty


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    figure = sparsity_by_epoch(study(trials=2, epochs=1000))
    steps = [trace.x for trace in figure.data if trace.showlegend is not False]
    assert all(len(x) <= 150 and (x[0], x[-1]) == (0, 999) for x in steps)


def test_faint_lines_tell_whose_they_are() -> None:
    data = study(trials=20)
    [trace, *_] = [t for t in sparsity_by_epoch(data).data if t.customdata is not None]
    assert trace.hovertemplate.startswith("#%{customdata[0]} l1 %{customdata[1]:.1e}<br>")
    strengths = dict(zip(*np.asarray(trace.customdata).T.tolist(), strict=True))
    own = data.trials.set_index("number")["lam"]
    assert strengths == pytest.approx({n: own[n] for n in strengths})
    assert len(trace.customdata) == len(trace.x)


def test_values_beyond_all_measure_are_gaps() -> None:
    data = study(trials=20)
    curves = data.curves.assign(**{"sparsity/all": 1e300})
    assert sparsity_by_epoch(replace(data, curves=curves)).data
