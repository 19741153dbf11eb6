from __future__ import annotations

import numpy as np
import pytest

from regsearch.figures.savings import Savings, savings, savings_of
from tests.figures.synthetic import ODD, study


def test_what_was_not_trained_was_saved() -> None:
    data = study()
    ended = data.trials[data.trials["state"] != "failed"]["number"]
    trained = data.curves["trial"].isin(ended).sum()
    found = savings_of(data)
    assert found == Savings(trained, 39 * 20)
    assert found.share == pytest.approx(1 - trained / 780)


def test_bands_add_up_to_the_trials_that_trained() -> None:
    data = study()
    total = np.sum([trace.y for trace in savings(data).data], axis=0)
    assert total[0] == 39
    assert total[-1] == (data.trials["state"] == "complete").sum()
    assert np.sum(total[:-1]) == savings_of(data).trained


def test_without_reports_nothing_is_claimed() -> None:
    assert savings_of(ODD["no curves"]()) == Savings(0, 0)
    assert Savings(0, 0).share == 0
