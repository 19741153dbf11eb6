from __future__ import annotations

import numpy as np

from regsearch.figures.history import best_so_far, history
from regsearch.figures.ranking import table
from tests.figures.synthetic import ODD, study


def test_the_best_so_far_only_gets_better_and_reaches_the_last_trial() -> None:
    data = study()
    numbers, values = best_so_far(data, table(data))
    assert np.all(np.diff(values) <= 0)
    assert numbers[-1] == 39
    maximized = ODD["maximized"]()
    assert np.all(np.diff(best_so_far(maximized, table(maximized))[1]) >= 0)


def test_pruned_and_failed_trials_are_marked() -> None:
    names = {trace.name for trace in history(study()).data}
    assert {"pruned", "failed", "best so far", "l1", "none"} <= names


def test_no_complete_trial_has_no_best() -> None:
    assert "best so far" not in {trace.name for trace in history(ODD["all pruned"]()).data}
