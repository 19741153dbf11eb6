from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest

from regsearch.figures.data import StudyData
from regsearch.figures.frames_importance import importances


def _study(n: int = 60, seed: int = 0) -> StudyData:
    """A study whose value depends on λ and, a little, on the activation."""
    random = np.random.default_rng(seed)
    kinds = ["none", *random.choice(["l1", "l2", "elastic_net"], n)][:n]
    frame = pd.DataFrame({"number": range(n), "state": "complete", "penalty": kinds})
    frame["lam"] = np.where(frame["penalty"] == "none", 0.0, 10 ** random.uniform(-5, -1, n))
    frame["l1_ratio"] = random.uniform(0, 1, n)
    frame.loc[frame["penalty"] != "elastic_net", "l1_ratio"] = np.nan
    frame["width"] = random.integers(8, 64, n)
    frame["act"] = random.choice(["relu", "tanh"], n)
    distance = np.log10(frame["lam"].where(frame["lam"] > 0, 1e-5)) + 3
    frame["value"] = distance**2 + 0.1 * (frame["act"] == "tanh")
    return StudyData("s", "val_loss", "minimize", frame, pd.DataFrame(), extras=("width", "act"))


def test_what_decides_comes_first() -> None:
    found = importances(_study())
    assert found.index[0] == "lam"
    assert found["lam"] > 0.5
    assert set(found.index) == {"lam", "penalty", "l1_ratio", "width", "act"}
    assert found.sum() == pytest.approx(1.0)
    assert found.is_monotonic_decreasing


def test_the_same_data_give_the_same_shares() -> None:
    pd.testing.assert_series_equal(importances(_study()), importances(_study()), check_exact=True)


def test_more_may_be_better() -> None:
    study = _study()
    turned = study.trials.assign(value=-study.trials["value"])
    found = importances(replace(study, trials=turned, direction="maximize"))
    pd.testing.assert_series_equal(found, importances(study))


def test_one_outlier_changes_nothing() -> None:
    study = _study()
    worst = int(study.trials["value"].idxmax())
    spoilt = study.trials.copy()
    spoilt.loc[worst, "value"] = 1e30
    found = importances(replace(study, trials=spoilt))
    pd.testing.assert_series_equal(found, importances(study))


def test_only_complete_trials_count() -> None:
    study = _study()
    pruned = study.trials.assign(state="pruned", value=0.0, number=range(60, 120))
    both = pd.concat([study.trials, pruned])
    found = importances(replace(study, trials=both))
    pd.testing.assert_series_equal(found, importances(study))


@pytest.mark.parametrize("n", [0, 1, 7])
def test_of_few_trials_nothing_is_said(n: int) -> None:
    study = _study()
    assert importances(replace(study, trials=study.trials[:n])).empty


def test_what_few_trials_have_is_left_out() -> None:
    study = _study()
    few = study.trials[study.trials["penalty"] == "elastic_net"].index[7:]
    assert "l1_ratio" not in importances(replace(study, trials=study.trials.drop(few)))
    assert "l1_ratio" in importances(replace(study, trials=study.trials.drop(few[1:])))


def test_what_never_varied_is_left_out() -> None:
    same: dict[str, Any] = {"penalty": "l1", "lam": 0.1, "l1_ratio": np.nan, "width": 8}
    study = _study()
    assert "width" not in importances(replace(study, trials=study.trials.assign(width=8)))
    constant = study.trials.assign(**same, act="relu")
    assert importances(replace(study, trials=constant)).empty


def test_optuna_keeps_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    importances(_study(10))
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before
