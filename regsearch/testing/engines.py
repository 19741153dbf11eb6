"""The laws of an engine, shipped so that a plug-in's tests are one class and one fixture.

Example:
    class TestMyEngine(EngineLaws):
        @pytest.fixture
        def engine(self) -> Engine:
            return MyEngine(workers=2)

Every law goes through `Engine.run` alone. The train functions it is tried on stand in
`regsearch.testing.train_functions`, where worker processes find them.
"""

from __future__ import annotations

import itertools
import multiprocessing
import threading
from collections.abc import Generator, Iterator

import pytest

from regsearch.engines.base import Engine
from regsearch.testing.train_functions import (
    TrainRaising,
    endless,
    expected_outcome,
    expected_report,
    finite,
    go_on,
    train,
    train_describing_the_trial,
    train_forgetting_everything,
    train_raising_at_once,
    train_raising_on_odd_numbers,
    train_returning_at_once,
    train_saying_everything_twice,
    train_swallowing_errors,
    train_three_at_once,
)
from regsearch.trials import Outcome, Report, Train, Trial

_WITHOUT_OUTCOMES: dict[str, Train] = {
    "forgetful": train_forgetting_everything,
    "raising_at_once": train_raising_at_once,
    "returning_at_once": train_returning_at_once,
}


class EngineLaws:
    """Subclass it as `Test...` and give the fixture `engine`."""

    @pytest.fixture
    def engine(self) -> Engine:
        """Returns the engine under test; it is used for one run, and for a second after it."""
        raise NotImplementedError("EngineLaws needs a fixture named engine.")

    def test_each_trial_has_exactly_one_outcome(self, engine: Engine) -> None:
        outcomes = list(engine.run(train, finite(7), go_on))
        assert sorted(outcome.number for outcome in outcomes) == list(range(7))
        assert all(outcome == expected_outcome(outcome.number) for outcome in outcomes)

    def test_no_trials_give_no_outcomes(self, engine: Engine) -> None:
        assert list(engine.run(train, [], go_on)) == []

    def test_trials_may_be_any_iterable(self, engine: Engine) -> None:
        outcomes = list(engine.run(train, tuple(finite(3)), go_on))
        assert sorted(outcome.number for outcome in outcomes) == [0, 1, 2]

    def test_an_engine_can_run_again(self, engine: Engine) -> None:
        for _ in range(2):
            assert len(list(engine.run(train, finite(3), go_on))) == 3

    def test_what_a_trial_is_reaches_the_train_function(self, engine: Engine) -> None:
        given = Trial(3, {"penalty": "l2", "lam": 0.25, "depth": 2}, 7, 1, "at/this.ckpt")
        (outcome,) = engine.run(train_describing_the_trial, [given], go_on)
        assert outcome.error == repr(given)

    def test_trials_are_pulled_only_when_there_is_room(self, engine: Engine) -> None:
        pulled: list[int] = []
        run = engine.run(train, _remembering(endless(), pulled), go_on)
        assert pulled == []
        waits = []
        for done, _ in enumerate(itertools.islice(run, 20), start=1):
            waits.append(len(pulled) - done)
        close(run)
        assert max(waits[10:]) <= max(waits[:10]) + 1, "trials pile up that nobody has room for"

    def test_outcomes_come_as_trials_finish(self, engine: Engine) -> None:
        """The stream never ends, so that an engine which waits for its end gives nothing."""
        run = engine.run(train, endless(), go_on)
        assert len({outcome.number for outcome in itertools.islice(run, 5)}) == 5
        close(run)

    def test_closing_the_iterator_leaves_no_worker_behind(self, engine: Engine) -> None:
        threads = threading.active_count()
        children = {child.pid for child in multiprocessing.active_children()}
        run = engine.run(train, endless(), go_on)
        next(run)
        close(run)
        assert {child.pid for child in multiprocessing.active_children()} <= children
        assert threading.active_count() <= threads
        assert list(run) == []

    def test_a_trial_that_raises_fails_with_its_traceback(self, engine: Engine) -> None:
        outcomes = by_number(engine.run(train_raising_on_odd_numbers, finite(6), go_on))
        assert [outcomes[number].state for number in range(6)] == ["complete", "failed"] * 3
        for number in (1, 3, 5):
            assert outcomes[number].value is None
            assert "Traceback" in outcomes[number].error
            assert "train_raising_on_odd_numbers" in outcomes[number].error
            assert outcomes[number].reason == f"ValueError: {number} is odd"

    @pytest.mark.parametrize("error", [RuntimeError, KeyError, StopIteration])
    def test_an_engine_outlives_every_trials_error(
        self, engine: Engine, error: type[Exception]
    ) -> None:
        train_function = TrainRaising(error)
        outcomes = list(engine.run(train_function, finite(4), go_on))
        assert sorted(outcome.number for outcome in outcomes) == list(range(4))
        assert {outcome.state for outcome in outcomes} == {"failed"}

    @pytest.mark.parametrize("name", ["forgetful", "raising_at_once", "returning_at_once"])
    def test_a_train_function_without_outcomes_fails_its_trials(
        self, engine: Engine, name: str
    ) -> None:
        outcomes = list(engine.run(_WITHOUT_OUTCOMES[name], finite(4), go_on))
        assert sorted(outcome.number for outcome in outcomes) == list(range(4))
        assert all(outcome.state == "failed" and outcome.error for outcome in outcomes)

    def test_a_second_outcome_of_a_trial_is_dropped(self, engine: Engine) -> None:
        outcomes = list(engine.run(train_saying_everything_twice, finite(3), go_on))
        assert sorted(outcome.number for outcome in outcomes) == [0, 1, 2]

    def test_several_trials_may_be_held_at_once(self, engine: Engine) -> None:
        outcomes = list(engine.run(train_three_at_once, finite(7), go_on))
        assert sorted(outcome.number for outcome in outcomes) == list(range(7))
        assert {outcome.state for outcome in outcomes} == {"complete"}

    def test_reports_arrive_in_order_in_the_callers_thread(self, engine: Engine) -> None:
        reports: list[Report] = []
        threads = set()

        def listen(report: Report) -> bool:
            reports.append(report)
            threads.add(threading.get_ident())
            return False

        list(engine.run(train, finite(3), listen))
        assert threads == {threading.get_ident()}
        for number in range(3):
            mine = [report for report in reports if report.trial == number]
            assert mine == [expected_report(number, step) for step in range(3)]

    def test_a_trial_is_stopped_by_the_answer_to_its_report(self, engine: Engine) -> None:
        run = engine.run(train, finite(4), lambda report: report.trial == 2 and report.step == 1)
        outcomes = by_number(run)
        states = [outcomes[number].state for number in range(4)]
        assert states == ["complete", "complete", "pruned", "complete"]
        assert outcomes[2].metrics == expected_report(2, 1).metrics

    def test_an_error_in_on_report_reaches_the_caller(self, engine: Engine) -> None:
        def raise_at_once(report: Report) -> bool:
            raise CallersOwnError("on_report")

        for train_function in (train, train_swallowing_errors):
            with pytest.raises(CallersOwnError, match="on_report"):
                list(engine.run(train_function, finite(3), raise_at_once))

    def test_an_error_in_trials_reaches_the_caller(self, engine: Engine) -> None:
        with pytest.raises(CallersOwnError, match="trials"):
            list(engine.run(train, _raising_after(finite(2)), go_on))


class CallersOwnError(Exception):
    """What the caller's own callables raise."""


def by_number(outcomes: Iterator[Outcome]) -> dict[int, Outcome]:
    """Returns outcomes by their trials' numbers."""
    return {outcome.number: outcome for outcome in outcomes}


def _remembering(trials: Iterator[Trial], pulled: list[int]) -> Iterator[Trial]:
    for trial in trials:
        pulled.append(trial.number)
        yield trial


def _raising_after(trials: Iterator[Trial]) -> Iterator[Trial]:
    yield from trials
    raise CallersOwnError("trials")


def close(run: Iterator[Outcome]) -> None:
    """Closes what `Engine.run` has returned."""
    assert isinstance(run, Generator), "what Engine.run returns must have close()"
    run.close()
