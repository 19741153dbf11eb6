from __future__ import annotations

import numpy as np

from regsearch.figures.sparsity import layers_of, sparsity_by_layer
from tests.figures.synthetic import LAYERS, ODD, study


def test_layers_stand_in_the_modules_order() -> None:
    assert layers_of(study()) == [*LAYERS]


def test_each_kinds_best_trial_has_a_mark_on_each_layer() -> None:
    figure = sparsity_by_layer(study(trials=60))
    assert len(figure.data) == 4
    for trace in figure.data:
        assert np.isfinite(np.asarray(trace.x, dtype=float)).all()
    assert len({trace.marker.symbol for trace in figure.data}) == 4


def test_names_that_begin_alike_stay_apart() -> None:
    figure = sparsity_by_layer(ODD["hostile names"]())
    assert len({*figure.layout.yaxis.ticktext}) == 3


def test_of_many_layers_some_are_drawn_and_it_is_said() -> None:
    figure = sparsity_by_layer(ODD["many kinds"]())
    assert "24 of 50 layers drawn" in figure.layout.xaxis.title.text
