from __future__ import annotations

import dataclasses

import numpy as np

from regsearch.figures.path import path
from tests.figures.synthetic import LAYERS, ODD, study


def test_each_kind_has_a_panel_and_each_layer_a_line_in_it() -> None:
    figure = path(study(trials=60))
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["<b>l1</b>", "<b>l2</b>", "<b>elastic_net</b>"]
    assert sum(trace.mode == "lines" for trace in figure.data) == 3 * len(LAYERS)
    assert sum(bool(trace.showlegend) for trace in figure.data) == len(LAYERS)


def test_norms_are_shares_of_those_without_a_penalty() -> None:
    data = study(trials=60)
    figure = path(data)
    layer = next(iter(LAYERS))
    first = next(trace for trace in figure.data if trace.mode == "markers")
    done = data.trials[data.trials["state"] == "complete"]
    own = done[done["penalty"] == "l1"].sort_values("lam")[f"weight_norm/{layer}"]
    free = done[done["lam"] == 0][f"weight_norm/{layer}"].median()
    np.testing.assert_allclose(first.y, own / free)


def test_without_norms_it_says_so() -> None:
    assert not path(ODD["columns missing"]()).data


def test_a_norm_that_overflowed_is_left_out() -> None:
    data = study(trials=60)
    layer = f"weight_norm/{next(iter(LAYERS))}"
    done = data.trials["state"] == "complete"
    free = done & (data.trials["lam"] == 0)
    trials = data.trials.copy()
    trials.loc[free | (data.trials["number"] == trials[done]["number"].max()), layer] = np.inf
    figure = path(dataclasses.replace(data, trials=trials))
    drawn = np.concatenate([np.asarray(trace.y, float) for trace in figure.data])
    assert np.isfinite(drawn).all()
    assert drawn.max() <= figure.layout.yaxis.range[1] < 10
    nowhere = data.trials.assign(**{layer: np.inf})
    assert np.isfinite(path(dataclasses.replace(data, trials=nowhere)).layout.yaxis.range).all()
