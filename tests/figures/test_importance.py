from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from regsearch.figures.importance import importance
from tests.figures.synthetic import ODD, study


def test_the_most_important_stands_on_top() -> None:
    scores = pd.Series({"penalty": 0.2, "lam": 0.7, "l1_ratio": 0.1})
    bars = importance(study(), scores).data[0]
    assert list(bars.y) == ["l1_ratio", "penalty", "λ"]  # a bar chart begins below
    assert list(bars.text) == ["10%", "20%", "70%"]


@pytest.mark.parametrize("scores", [pd.Series(dtype=float), pd.Series({"lam": 0.0})])
def test_nothing_that_matters_is_said(scores: pd.Series) -> None:
    assert not importance(study(), scores).data


def test_few_trials_are_not_asked() -> None:
    assert "at least 8" in importance(ODD["two trials"]()).layout.annotations[0].text


def test_optuna_tells_the_importance() -> None:
    assert "λ" in importance(study(trials=60)).data[0].y


@pytest.mark.slow  # a Python of its own
def test_figures_load_no_optuna_until_they_need_it() -> None:
    code = (
        "import sys, regsearch.figures.page; print({'optuna', 'mlflow', 'torch'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
