"""Trials that fail, diverge or measure nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from regsearch.search.errors import RepeatedFailureError
from regsearch.tracking.memory import MemoryTracker
from regsearch.trials import Outcome, Report, Trial
from tests.search.tasks import TASK
from tests.search.toys import DB, curve, go, states, stored, study, trained


def failing(trial: Trial) -> Iterator[float]:
    yield 1.0
    raise RuntimeError("the disk of trial is full")


def test_the_same_failure_five_times_stops_the_study() -> None:
    with pytest.raises(RepeatedFailureError, match=r"(?s)5 trials in a row.*is full.*Traceback"):
        go(study(20, storage=DB), trained(failing))
    assert states().count("FAIL") == 5
    assert "RUNNING" not in states()
    assert len(go(study(20, storage=DB)).trials) == 25


def test_a_baseline_that_failed_runs_once_the_cause_is_mended() -> None:
    with pytest.raises(RepeatedFailureError):
        go(study(20, storage=DB), trained(failing))
    mended = go(study(20, storage=DB)).trials
    assert (mended[mended["penalty"] == "none"]["state"] == "complete").sum() == 1


def test_different_failures_stop_it_too() -> None:
    def always(trial: Trial) -> Iterator[float]:
        yield 1.0
        raise (RuntimeError, KeyError)[trial.number % 2](f"failure {trial.number}")

    with pytest.raises(RepeatedFailureError, match="20 trials failed"):
        go(study(3, storage=None), trained(always))


def test_failed_trials_do_not_count() -> None:
    def every_third(trial: Trial) -> Iterator[float]:
        if trial.number % 3 == 1:
            raise RuntimeError(f"no luck for {trial.number}")
        yield from curve(trial)

    result = go(study(6, storage=None), trained(every_third))
    failed = result.trials[result.trials["state"] == "failed"]
    assert len(result.trials) - len(failed) == 6
    assert failed["reason"].str.contains("no luck").all()
    assert failed["value"].isna().all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_diverged_trial_is_pruned_and_optuna_sees_numbers(bad: float) -> None:
    def diverges(trial: Trial) -> Iterator[float]:
        values = list(curve(trial))
        return iter([*values[:2], bad, *values[3:]] if trial.number in (1, 2) else values)

    result = go(study(5, storage=DB, pruner=None), trained(diverges))
    rows = result.trials.set_index("number")
    assert rows.loc[1, "state"] == rows.loc[2, "state"] == "pruned"
    assert rows.loc[1, "reason"] == "diverged"
    assert len(rows) == 5
    for trial in stored().trials:
        assert all(math.isfinite(v) for v in trial.intermediate_values.values())
        assert trial.value is not None
        assert math.isfinite(trial.value)
    assert stored().trials[1].value == 1e30


def test_a_study_without_a_complete_trial_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    diverging = trained(lambda trial: iter([math.nan]))
    study(3, storage=None).run(train=diverging, tracker=MemoryTracker(), progress=True)
    printed = capsys.readouterr().out
    assert "No trial is complete: 3 x diverged." in printed
    assert "Weights of the best" not in printed


def test_a_diverged_trial_is_bad_news_where_more_is_better() -> None:
    task = replace(TASK, direction="maximize")
    result = go(study(3, storage=DB, task=task), trained(lambda t: iter([math.nan])))
    assert set(result.trials["state"]) == {"pruned"}
    assert [trial.value for trial in stored().trials] == [-1e30] * 3
    with pytest.raises(ValueError, match="must have a complete trial.*3 pruned"):
        _ = result.best


def test_a_trial_without_the_monitored_metric_fails() -> None:
    def train(trials: Iterator[Trial], on_report: Any) -> Iterator[Outcome]:
        for trial in trials:
            on_report(Report(trial.number, 0, {"accuracy": 0.5}))
            yield Outcome(trial.number, "complete", None, {"accuracy": 0.5})

    with pytest.raises(RepeatedFailureError, match=r"monitor='val_loss'.*accuracy"):
        go(study(storage=None), train)
