"""The laws of an engine whose trials run in other processes, on top of those of every engine.

Example:
    class TestMyEngine(EngineLaws, WorkerEngineLaws, RankLaws):
        @pytest.fixture
        def engine(self) -> SupervisingEngine:
            return MyEngine(workers=2)

The faults are real: the train functions of `regsearch.testing.worker_train_functions` kill, stop
and exhaust their own processes.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from regsearch.engines.base import SupervisingEngine
from regsearch.testing.engines import by_number, close
from regsearch.testing.train_functions import (
    endless,
    expected_outcome,
    expected_report,
    finite,
    go_on,
    train,
)
from regsearch.testing.worker_train_functions import (
    FATAL,
    Fate,
    TrainMeeting,
    TrainTogether,
    TrainWithChild,
    train_giving_what_does_not_pickle,
    train_telling_the_environment,
    train_telling_the_modules,
    train_with_large_reports,
    wait_for,
)
from regsearch.trials import LOST, Outcome, Report

DEADLINE = 3.0  # seconds; healthy workers of these laws give a word every few milliseconds


class WorkerEngineLaws:
    """Subclass it as `Test...` and give the fixture `engine`, with two workers and no GPU."""

    @pytest.fixture
    def engine(self) -> SupervisingEngine:
        """Returns the engine under test, with a worker on each of two devices."""
        raise NotImplementedError("WorkerEngineLaws needs a fixture named engine.")

    def test_two_trials_run_at_the_same_time(
        self, engine: SupervisingEngine, tmp_path: Path
    ) -> None:
        outcomes = by_number(engine.run(TrainTogether(tmp_path, 2), finite(3), go_on))
        assert outcomes == {number: expected_outcome(number) for number in range(3)}

    def test_workers_import_neither_optuna_nor_mlflow(self, engine: SupervisingEngine) -> None:
        (outcome,) = engine.run(train_telling_the_modules, finite(1), go_on)
        modules = set(outcome.error.split("\n"))
        assert "regsearch.engines.serving" in modules
        assert not modules & {"optuna", "mlflow"}

    def test_a_worker_without_a_gpu_sees_none_and_takes_one_thread(
        self, engine: SupervisingEngine
    ) -> None:
        (outcome,) = engine.run(train_telling_the_environment, finite(1), go_on)
        assert {"CUDA_VISIBLE_DEVICES=", "OMP_NUM_THREADS=1"} <= set(outcome.error.split("\n"))

    @pytest.mark.parametrize("fate", ["killed", "exit"])
    def test_a_worker_that_dies_loses_its_trial_alone(
        self, engine: SupervisingEngine, fate: Fate
    ) -> None:
        outcomes = list(engine.run(TrainMeeting(fate), finite(6), go_on))
        lost = the_one_that_failed(outcomes)
        assert lost.reason.startswith(f"{LOST}: ")
        assert lost.metrics == expected_report(FATAL, 0).metrics

    def test_a_worker_that_hangs_is_ended_after_the_deadline(
        self, engine: SupervisingEngine
    ) -> None:
        impatient = engine.suited(devices_per_trial=1, deadline=DEADLINE)
        lost = the_one_that_failed(list(impatient.run(TrainMeeting("stopped"), finite(6), go_on)))
        assert lost.reason.startswith(f"{LOST}: ")
        assert "gave no word for 3 s" in lost.reason

    @pytest.mark.slow
    def test_workers_are_not_silent_while_the_caller_is_busy(
        self, engine: SupervisingEngine
    ) -> None:
        """Slow, for the caller must be busy for longer than the deadline."""

        def dawdle(report: Report) -> bool:
            time.sleep(DEADLINE + 1 if report.trial < 2 and report.step == 1 else 0)
            return False

        impatient = engine.suited(devices_per_trial=1, deadline=DEADLINE)
        outcomes = by_number(impatient.run(train, finite(4), dawdle))
        assert outcomes == {number: expected_outcome(number) for number in range(4)}

    def test_a_worker_without_memory_is_replaced_after_its_trial(
        self, engine: SupervisingEngine
    ) -> None:
        outcomes = list(engine.run(TrainMeeting("out of memory"), finite(8), go_on))
        failed = the_one_that_failed(outcomes)
        assert failed.reason.startswith("MemoryError: in process ")
        assert "Traceback" in failed.error
        later = outcomes[outcomes.index(failed) + 1 :]
        process = float(failed.reason.rpartition(" ")[2])
        assert process not in {outcome.value for outcome in later}

    def test_what_cannot_be_sent_fails_its_trial_alone(self, engine: SupervisingEngine) -> None:
        outcomes = by_number(engine.run(train_giving_what_does_not_pickle, finite(4), go_on))
        states = [outcomes[number].state for number in range(4)]
        assert states == ["complete", "failed", "complete", "failed"]
        assert "pickle" in outcomes[1].error

    def test_a_train_function_that_cannot_be_sent_is_refused_before_any_trial(
        self, engine: SupervisingEngine
    ) -> None:
        trials = finite(1)
        with pytest.raises(TypeError, match="must pickle"):
            list(engine.run(lambda trials, on_report: iter(()), trials, go_on))
        assert len(list(trials)) == 1

    def test_reports_may_be_large(self, engine: SupervisingEngine) -> None:
        sizes: list[int] = []

        def note(report: Report) -> bool:
            sizes.append(len(report.metrics))
            return False

        list(engine.run(train_with_large_reports, finite(2), note))
        assert sizes == [50_000, 50_000]

    def test_closing_ends_workers_and_what_they_have_started(
        self, engine: SupervisingEngine, tmp_path: Path
    ) -> None:
        run = engine.run(TrainWithChild(tmp_path), endless(), go_on)
        next(run)
        close(run)
        processes = [int(file.name) for file in tmp_path.iterdir()]
        assert len(processes) >= 2
        wait_for(lambda: not any(map(is_running, processes)))


def the_one_that_failed(outcomes: list[Outcome]) -> Outcome:
    """Returns trial `FATAL`'s outcome, when every other trial is complete."""
    assert sorted(outcome.number for outcome in outcomes) == list(range(len(outcomes)))
    (failed,) = (outcome for outcome in outcomes if outcome.state != "complete")
    assert (failed.number, failed.state, failed.value) == (FATAL, "failed", None)
    return failed


def is_running(process: int) -> bool:
    """Tells whether there is a process of this id, other than one that nobody has waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
