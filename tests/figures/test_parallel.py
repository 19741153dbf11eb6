from __future__ import annotations

import numpy as np
import pytest

from regsearch.figures.dimensions import dimensions_of
from regsearch.figures.parallel import parallel
from regsearch.figures.ranking import complete, table
from tests.figures.synthetic import ODD, study

WITHOUT_LINES = ("bare", "no trials", "one trial", "all pruned", "all failed", "all running")


@pytest.mark.parametrize("name", [name for name in ODD if name not in WITHOUT_LINES])
def test_trials_cross_each_axis_on_it(name: str) -> None:
    data = ODD[name]()
    rows = complete(table(data))
    assert len(rows) > 1
    for dimension in dimensions_of(data, rows):
        crossed = dimension.places[~np.isnan(dimension.places)]
        assert crossed.size, dimension.title
        assert ((crossed >= 0) & (crossed <= 1)).all(), dimension.title
        assert len(dimension.ticks) == len(dimension.names)


def test_axes_are_the_settings_and_the_value() -> None:
    data = study(trials=60)
    titles = [d.title.split("<br>")[0] for d in dimensions_of(data, complete(table(data)))]
    assert titles == [
        "penalty",
        "λ (log scale)",
        "l1_ratio",
        "lr",
        "width",
        "zero weights",
        "val_loss",
    ]


def test_no_penalty_stands_below_all_strengths() -> None:
    data = study(trials=60)
    rows = complete(table(data))
    places = dimensions_of(data, rows)[1].places
    free = (rows["lam"] == 0).to_numpy()
    assert places[free].max() == 0 < places[~free].min()


def test_the_best_tenth_is_drawn_strong() -> None:
    data = study(trials=60)
    strong = [trace for trace in parallel(data).data if trace.line.width > 2]
    drawn = sum(np.isnan(np.asarray(trace.x, dtype=float)).sum() for trace in strong)
    assert drawn == round(0.1 * len(complete(table(data))))
