"""Trials whose process died under them: tried again, from where they stood, but not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from regsearch.search.errors import RepeatedFailureError
from regsearch.search.retries import running
from regsearch.search.space import BASELINE
from regsearch.tracking.memory import MemoryTracker
from regsearch.training.checkpoints import checkpoint_path
from regsearch.trials import LOST, OnReport, Outcome, Report, Train, Trial
from tests.search.toys import DB, curve, go, stored, study, trained

FILES = Path("study.db.files/1")
SIGKILLED = f"{LOST}: the worker on device 0 (process 123) was ended by SIGKILL"


def losing(times: int, number: int = 1, *, saves: bool = False) -> Train:
    """Returns a train function that loses a trial and its first retries after two reports."""

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            doomed = (trial.number == number or trial.attempt > 0) and trial.attempt < times
            yield _lost(trial, on_report, saves) if doomed else _complete(trial, on_report)

    return train


def _lost(trial: Trial, on_report: OnReport, saves: bool) -> Outcome:
    for step, value in zip(range(2), curve(trial), strict=False):
        on_report(Report(trial.number, step, {"val_loss": value}))
    if saves:
        path = checkpoint_path(FILES.absolute(), trial.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half a trial")
    return Outcome(trial.number, "failed", None, {"val_loss": 1.0}, SIGKILLED)


def _complete(trial: Trial, on_report: OnReport) -> Outcome:
    (outcome,) = trained()(iter([trial]), on_report)
    return outcome


@pytest.mark.parametrize("number", [0, 2])
def test_a_lost_trial_is_tried_again(number: int) -> None:
    tracker = MemoryTracker()
    table = go(study(4, storage=DB), losing(1, number), tracker).trials.set_index("number")
    assert table.loc[number, ["state", "reason"]].tolist() == ["failed", SIGKILLED]
    assert tracker.outcomes[number].error == SIGKILLED
    (again,) = table[table["retry_of"] == number].itertuples()
    assert (again.state, again.attempt) == ("complete", 1)
    assert [again.penalty, again.lam] == table.loc[number, ["penalty", "lam"]].tolist()
    assert (table["state"] != "failed").sum() == 4
    assert table["retry_of"].notna().sum() == 1
    assert stored().trials[again.Index].user_attrs.get(BASELINE, False) == (number == 0)


def test_what_was_reported_before_stays_and_is_seen_by_the_pruner() -> None:
    seen = {}

    class Watching(optuna.pruners.NopPruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            seen.setdefault(trial.number, dict(trial.intermediate_values))
            return False

    def worse_the_second_time(trial: Trial) -> Iterator[float]:
        return (value + trial.attempt for value in curve(trial))

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            if trial.number == 1:
                yield _lost(trial, on_report, saves=False)
            else:
                (outcome,) = trained(worse_the_second_time)(iter([trial]), on_report)
                yield outcome

    table = go(study(3, storage=DB, pruner=Watching()), train).trials
    number = int(table[table["retry_of"] == 1]["number"].iloc[0])
    first, second = stored().trials[1], stored().trials[number]
    assert first.intermediate_values.items() <= second.intermediate_values.items()
    assert second.intermediate_values[2] > first.intermediate_values[1]
    assert seen[number].keys() == {0, 1, 2}


def test_a_retry_begins_at_the_last_checkpoint_there_is() -> None:
    begun: dict[int, str | None] = {}

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            begun[trial.number] = trial.resume_from
            if trial.number == 1:
                yield _lost(trial, on_report, saves=True)
            elif trial.attempt == 1:
                yield _lost(trial, on_report, saves=False)
            else:
                yield _complete(trial, on_report)

    table = go(study(3, storage=DB, max_retries=2), train).trials.set_index("number")
    chain = [1, *table[table["attempt"] > 0].index]
    assert table.loc[chain, "attempt"].tolist() == [0, 1, 2]
    path = str(checkpoint_path(FILES.absolute(), 1))
    assert [begun[number] for number in chain] == [None, path, path]
    assert list(FILES.glob("checkpoints/*")) == []


def test_a_trial_is_given_up_after_its_retries() -> None:
    table = go(study(3, storage=DB, max_retries=1), losing(5, saves=True)).trials
    lost = table[table["state"] == "failed"]
    assert lost["attempt"].tolist() == [0, 1]
    assert (table["state"] == "complete").sum() == 3
    assert list(FILES.glob("checkpoints/*")) == []


def test_a_machine_that_takes_many_trials_with_it_does_not_stop_the_study() -> None:
    def all_at_first(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            lost = trial.attempt == 0 and trial.number < 8
            yield _lost(trial, on_report, False) if lost else _complete(trial, on_report)

    table = go(study(10, storage=DB), all_at_first).trials
    assert (table["state"] == "failed").sum() == 8
    assert (table["state"] != "failed").sum() == 10


def test_workers_that_always_die_stop_the_study() -> None:
    def always(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            yield _lost(trial, on_report, False)

    with pytest.raises(RepeatedFailureError, match=r"(?s)5 trials in a row.*SIGKILL"):
        go(study(30, storage=DB), always)


def test_an_interrupted_trial_goes_on_from_its_checkpoint() -> None:
    def cut_short(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        _lost(next(trials), on_report, saves=True)
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        go(study(2, storage=DB), cut_short)
    begun = []

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            begun.append(trial.resume_from)
            yield _complete(trial, on_report)

    foreign = checkpoint_path(FILES, 7)
    foreign.write_bytes(b"of a process that died")
    go(study(2, storage=DB), train)
    assert begun == [None, str(checkpoint_path(FILES.absolute(), 0))]
    assert list(FILES.glob("checkpoints/*")) == []


def test_a_crash_between_the_copy_and_the_end_of_the_old_one_makes_no_second_copy() -> None:
    go(study(2, storage=DB))
    half = stored()
    trial = half.ask()
    trial.suggest_categorical("penalty", ["l1", "l2", "elastic_net"])
    half.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            user_attrs={"regsearch.retry_of": trial.number},
            system_attrs={"fixed_params": trial.params},
        )
    )
    table = go(study(4, storage=DB)).trials
    assert table["retry_of"].dropna().tolist() == [trial.number]
    assert (table["state"] != "failed").sum() == 4
    assert running(stored()) == []
