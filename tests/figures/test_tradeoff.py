from __future__ import annotations

import numpy as np

from regsearch.figures.ranking import front, table
from regsearch.figures.tradeoff import tradeoff
from tests.figures.synthetic import study


def test_the_front_is_drawn_as_it_is() -> None:
    data = study(trials=60)
    edge = front(table(data))
    line = next(trace for trace in tradeoff(data).data if trace.name == "front")
    np.testing.assert_allclose(line.x, edge["sparsity/all"])
    np.testing.assert_allclose(line.y, edge["value"])


def test_between_two_trials_the_front_promises_what_the_sparser_one_has() -> None:
    line = next(trace for trace in tradeoff(study(trials=60)).data if trace.name == "front")
    assert np.all(np.diff(np.asarray(line.x)) < 0)
    assert line.line.shape == "hv"  # from the sparser one: along its value, then down
