"""A study as a user runs it: to its end, on again, over a grid."""

from __future__ import annotations

from collections.abc import Iterator

import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState

from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.trials import Trial
from tests.search.toys import CLOCK, DB, curve, go, stored, study, trained


@pytest.mark.parametrize("storage", [None, DB])
def test_runs_to_its_end(storage: str | None) -> None:
    result = go(study(12, storage=storage))
    assert list(result.trials["number"]) == list(range(12))
    assert result.trials.loc[0, ["penalty", "lam"]].tolist() == ["none", 0.0]
    assert set(result.trials["penalty"]) == {"none", "l1", "l2", "elastic_net"}
    complete = result.trials[result.trials["state"] == "complete"]
    assert result.best.value == complete["value"].min()
    assert result.best.params["lam"] == result.best.penalty.lam
    assert result.best.run_id == str(result.best.number)
    assert list(result.best_of_each_kind["penalty"])[0] == result.best.params["penalty"]


def test_goes_on_where_it_stands() -> None:
    first = go(study(5, storage=DB))
    assert len(first.trials) == 5
    again = go(study(5, storage=DB), train=None)
    pd.testing.assert_frame_equal(again.trials, first.trials)
    more = go(study(9, storage=DB))
    pd.testing.assert_frame_equal(more.trials[:5], first.trials)
    assert len(more.trials) == 9
    assert more.trials["lam"].nunique() == 9


def test_same_seed_same_result() -> None:
    tables = [go(study(14, storage=f"sqlite:///{i}.db")).trials for i in range(2)]
    tables.append(go(study(14, storage=None)).trials)
    for table in tables[1:]:
        pd.testing.assert_frame_equal(
            table.drop(columns=CLOCK), tables[0].drop(columns=CLOCK), check_exact=True
        )
    other = go(study(14, seed=1, storage=None)).trials
    assert set(other["lam"][1:]).isdisjoint(tables[0]["lam"][1:])


def test_a_study_that_goes_on_draws_afresh() -> None:
    space = Space(("l1",), baseline=False)
    for n in (1, 3, 5):  # one queued setting, then two random draws a run
        lams = go(study(n, space=space, storage=DB)).trials["lam"]
    assert lams.nunique() == len(lams) == 5


def test_sampler_pruner_and_count_may_change() -> None:
    go(study(3, storage=DB))
    sampler = optuna.samplers.RandomSampler(seed=5)
    assert len(go(study(5, storage=DB, sampler=sampler, pruner=None)).trials) == 5


def test_a_set_up_cut_short_is_made_good() -> None:
    half = optuna.create_study(study_name="toy", storage=DB)
    half.enqueue_trial(Space().surrogate(), user_attrs={"regsearch.baseline": True})
    table = go(study(6, storage=DB)).trials
    plain = go(study(6, storage=None)).trials
    pd.testing.assert_frame_equal(table.drop(columns=CLOCK), plain.drop(columns=CLOCK))


def test_grid_is_every_combination_once() -> None:
    space = Space(("l1", "elastic_net"), lam=[0.0, 1e-3, 1e-2])
    result = go(study(100, storage=DB, space=space, sampler="grid", pruner=None))
    table = result.trials[["penalty", "lam", "l1_ratio"]].fillna(-1.0)
    expected = [("none", 0.0, -1.0)]
    for lam in (1e-3, 1e-2):
        expected += [("l1", lam, -1.0)]
        expected += [("elastic_net", lam, ratio) for ratio in (0.05, 0.5, 0.95)]
    assert list(table.itertuples(index=False, name=None)) == expected
    assert len(go(study(100, storage=DB, space=space, sampler="grid")).trials) == len(expected)


def test_grid_takes_up_its_failed_points_when_run_again() -> None:
    space = Space(("l1",), lam={"l1": [1e-4, 1e-3, 1e-2]}, baseline=False)

    def second_fails(trial: Trial) -> Iterator[float]:
        if trial.number == 1:
            raise RuntimeError("mended later")
        yield from curve(trial)

    asked = study(10, storage=DB, space=space, sampler="grid")
    assert list(go(asked, trained(second_fails)).trials["lam"]) == [1e-4, 1e-3, 1e-2]
    assert list(go(asked).trials["lam"]) == [1e-4, 1e-3, 1e-2, 1e-3]


def test_given_strengths_work_with_any_sampler() -> None:
    space = Space(lam=[0.0, 1e-4, 1e-3])
    assert set(go(study(15, storage=None, space=space)).trials["lam"]) <= {0.0, 1e-4, 1e-3}


def test_a_deadline_without_workers_is_said_to_have_no_effect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert len(go(study(2, storage=DB, deadline=1e-9)).trials) == 2
    assert "deadline has no effect" in caplog.text


def test_pruner_stops_bad_trials() -> None:
    result = go(study(25, storage=None))
    assert {"complete", "pruned"} == set(result.trials["state"])
    assert set(result.trials["reason"]) == {"", "pruner"}
    assert set(go(study(25, storage=None, pruner=None)).trials["state"]) == {"complete"}


def test_optuna_reads_what_was_written_in_bulk() -> None:
    result = go(study(8, storage=DB))
    for ours, read in zip(result.optuna_study.trials, stored().trials, strict=True):
        assert ours.intermediate_values == read.intermediate_values
        assert (ours.params, ours.value, ours.state) == (read.params, read.value, read.state)
        assert ours.user_attrs == read.user_attrs
    assert {trial.state for trial in stored().trials} <= {TrialState.COMPLETE, TrialState.PRUNED}


def test_is_frozen() -> None:
    with pytest.raises(AttributeError):
        study().n_trials = 3  # type: ignore[misc]
    assert isinstance(study(), Study)
