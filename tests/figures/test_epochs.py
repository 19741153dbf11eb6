from __future__ import annotations

import numpy as np

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
