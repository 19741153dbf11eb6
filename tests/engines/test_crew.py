"""What the coordinator's loop does when workers say things that healthy ones seldom say.

The workers here are scripts of what they say, behind the protocol of real ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from regsearch.engines import crew
from regsearch.engines.workers import (
    Answer,
    Ask,
    Broken,
    Said,
    Step,
    Worker,
    WorkerGoneError,
)
from regsearch.testing.train_functions import expected_outcome, expected_report, finite, go_on
from regsearch.trials import LOST, Outcome, Report, Trial

Line = Said | WorkerGoneError | None  # None: silence, until it is ended
ASK = Ask()
GONE = WorkerGoneError("exited with code 0")


class Scripted:
    """A worker that says its lines in order; it waits for the answer to a question."""

    def __init__(self, name: str, lines: Sequence[Line]) -> None:
        self.name = name
        self.lines = list(lines)
        self.heard: list[Answer] = []
        self.is_waiting = False
        self.has_ended = False

    @property
    def has_news(self) -> bool:
        return bool(self.lines) and self.lines[0] is not None and not self.is_waiting

    def receive(self) -> Said | None:
        said = self.lines[0]
        if isinstance(said, WorkerGoneError):
            raise said
        self.is_waiting = isinstance(said, Ask | Report | Step)
        return self.lines.pop(0)

    def send(self, answer: Answer) -> None:
        assert self.is_waiting, f"{self.name} was answered without a question"
        self.heard.append(answer)
        self.is_waiting = False

    def end(self) -> None:
        self.has_ended = True


class Stage:
    """A transport whose n-th group says the n-th entry of a script, a sequence of lines a rank."""

    def __init__(self, *groups: Sequence[Sequence[Line]], slots: int = 1) -> None:
        self.slots = slots
        self.started: list[list[Scripted]] = []
        self.is_closed = False
        self._groups = iter(groups)

    def start(self, slot: int) -> Sequence[Worker]:
        ranks = next(self._groups)
        named = f"worker {len(self.started)}"
        self.started.append([Scripted(f"{named}.{k}", lines) for k, lines in enumerate(ranks)])
        return self.started[-1]

    def wait(self, workers: Collection[Worker], timeout: float) -> Collection[Worker]:
        mine = [worker for group in self.started for worker in group if worker in workers]
        return [worker for worker in mine if worker.has_news]

    def close(self) -> None:
        self.is_closed = True


def run(stage: Stage, count: int, deadline: float = 60.0) -> list[Outcome]:
    outcomes = list(crew.run(stage, finite(count), go_on, deadline=deadline))
    assert stage.is_closed
    return outcomes


def ended(number: int) -> Outcome:
    return expected_outcome(number)


def failed(number: int, error: str) -> Outcome:
    return Outcome(number, "failed", None, {}, error)


def test_a_worker_is_asked_for_nothing_more_once_the_trials_are_over() -> None:
    stage = Stage([[ASK, ended(0), ASK, GONE]])
    assert run(stage, 1) == [ended(0)]
    assert [type(answer).__name__ for answer in stage.started[0][0].heard] == ["Trial", "NoneType"]


def test_what_has_not_begun_to_work_is_ended_with_the_trials() -> None:
    stage = Stage([[ASK, ended(0), ASK, GONE]], [[None]], slots=2)
    assert run(stage, 1) == [ended(0)]
    assert stage.started[1][0].has_ended


def test_slots_that_appear_are_used() -> None:
    stage = Stage([[ASK, expected_report(0, 0), None]], [[ASK, ended(1), ASK, GONE]])

    def grow(report: Report) -> bool:
        stage.slots = 2
        return False

    outcomes = crew.run(stage, finite(2), grow, deadline=60.0)
    assert next(outcomes) == ended(1)


def test_broken_workers_fail_their_trial_with_what_they_say() -> None:
    stage = Stage([[ASK, Broken("no pickle")]], [[ASK, GONE]])
    assert run(stage, 1) == [failed(0, "no pickle")]


def test_the_last_metrics_of_a_lost_trial_are_kept() -> None:
    stage = Stage([[ASK, expected_report(0, 0), expected_report(0, 1), GONE]], [[ASK, GONE]])
    (outcome,) = run(stage, 1)
    assert outcome.metrics == expected_report(0, 1).metrics
    assert outcome.error == f"{LOST}: worker 0.0 exited with code 0"


class Growing:
    """A stream of one trial, and of one more whenever it is told to."""

    def __init__(self) -> None:
        self.waiting = [next(finite(1))]

    def __iter__(self) -> Growing:
        return self

    def __next__(self) -> Trial:
        if not self.waiting:
            raise StopIteration
        return self.waiting.pop()


def test_a_lost_trial_starts_again_on_the_worker_that_replaces_the_dead_one() -> None:
    idle, lost, again = [ASK, GONE], [ASK, None], [ASK, ended(1), ASK, GONE]
    stage = Stage([lost], [idle], [again], slots=2)
    trials, outcomes = Growing(), []
    for outcome in crew.run(stage, trials, go_on, deadline=0.2):
        outcomes.append(outcome)
        if outcome.state == "failed":
            trials.waiting.append(list(finite(2))[1])
    assert [(outcome.number, outcome.state) for outcome in outcomes] == [
        (0, "failed"),
        (1, "complete"),
    ]
    assert [len(group[0].heard) for group in stage.started] == [1, 1, 2]


def test_a_late_report_is_answered_and_not_passed_on() -> None:
    stage = Stage([[ASK, ended(0), expected_report(0, 1), ASK, GONE]])
    heard: list[Report] = []
    list(crew.run(stage, finite(1), lambda report: bool(heard.append(report)), deadline=60.0))
    assert heard == []
    assert stage.started[0][0].heard[1] is True


def test_outcomes_of_trials_that_a_group_does_not_hold_are_dropped() -> None:
    stage = Stage([[ASK, ended(5), ended(0), ended(0), ASK, GONE]])
    assert run(stage, 1) == [ended(0)]


def test_workers_that_do_not_start_are_given_up() -> None:
    stage = Stage(*[[[GONE]]] * 3)
    with pytest.raises(RuntimeError, match="3 in a row ended .* worker 2.0 exited with code 0"):
        run(stage, 1)
    assert stage.is_closed


def test_a_slot_that_does_not_start_leaves_the_others_at_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    working: list[Line] = [line for k in range(9) for line in (ASK, ended(k))]
    stage = Stage([[*working, ASK, GONE]], *[[[GONE]]] * 3, slots=2)
    assert len(run(stage, 9)) == 9
    assert "Going on with fewer workers" in caplog.text


def test_a_silent_group_is_replaced() -> None:
    stage = Stage([[ASK, None]], [[ASK, GONE]])
    (outcome,) = run(stage, 1, deadline=0.01)
    assert outcome.error == f"{LOST}: worker 0.0 gave no word for 0.01 s and was ended"
    assert stage.started[0][0].has_ended


class TestRanks:
    """Groups of two."""

    @pytest.mark.parametrize("stop", [True, False])
    def test_the_second_is_answered_as_the_first(self, stop: bool) -> None:
        first: list[Line] = [ASK, expected_report(0, 0), ended(0), ASK, GONE]
        second: list[Line] = [ASK, Step(0, 0), ended(0), ASK, GONE]
        stage = Stage([first, second])
        assert list(crew.run(stage, finite(1), lambda _: stop, deadline=60.0)) == [ended(0)]
        one, other = stage.started[0]
        assert one.heard[1] is stop
        assert one.heard[:2] == other.heard[:2]

    def test_a_question_of_its_own_ends_the_trial(self) -> None:
        stage = Stage(
            [[ASK, expected_report(0, 0), None], [ASK, Step(0, 7), None]],
            [[ASK, GONE], [ASK, GONE]],
        )
        (outcome,) = run(stage, 1)
        assert outcome.error.startswith(f"{LOST}: worker 0.1 asked Step(trial=0, step=7)")

    def test_a_taken_port_is_tried_again_unseen(self) -> None:
        taken = failed(0, "DistNetworkError: EADDRINUSE")
        stage = Stage(
            [[ASK, taken, None], [ASK, None]],
            [[ASK, ended(0), ASK, GONE], [ASK, ended(0), ASK, GONE]],
        )
        assert run(stage, 1) == [ended(0)]

    def test_a_port_that_is_always_taken_fails_the_trial(self) -> None:
        taken = failed(0, "DistNetworkError: EADDRINUSE")
        stage = Stage(*[[[ASK, taken, None], [ASK, None]]] * 3, [[ASK, GONE], [ASK, GONE]])
        assert run(stage, 1) == [taken]

    def test_an_error_that_came_of_a_death_is_that_death(self) -> None:
        reset = failed(0, "RuntimeError: connection reset")
        dying = [ASK, *[ended(0)] * 3, GONE]  # its end is learnt a little later
        stage = Stage([[ASK, reset, None], dying], [[ASK, GONE], [ASK, GONE]])
        (outcome,) = run(stage, 1)
        assert outcome.error == f"{LOST}: worker 0.1 exited with code 0"

    def test_a_rank_that_lost_another_one_is_lost_before_the_death_is_known(self) -> None:
        closed = failed(0, "RuntimeError: [gloo/transport/tcp/pair.cc:5] Connection closed by peer")
        stage = Stage([[ASK, closed, None], [ASK, None]], [[ASK, GONE], [ASK, GONE]])
        (outcome,) = run(stage, 1)
        assert outcome.error == f"{LOST}: worker 0.0 failed: {closed.error}"

    def test_what_a_rank_did_wrong_itself_explains_why_another_lost_it(self) -> None:
        closed = failed(0, "RuntimeError: Connection closed by peer")
        own = failed(0, "ValueError: on purpose")
        stage = Stage([[ASK, closed, None], [ASK, own, None]], [[ASK, GONE], [ASK, GONE]])
        assert run(stage, 1) == [own]

    def test_an_error_after_the_trial_costs_no_other(self) -> None:
        stage = Stage(
            [[ASK, ended(0), ASK, None], [ASK, failed(0, "ValueError: late"), None]],
            [[ASK, ended(1), ASK, GONE], [ASK, ended(1), ASK, GONE]],
        )
        assert run(stage, 2) == [ended(0), ended(1)]

    def test_an_error_after_the_next_trial_has_begun_loses_that_one(self) -> None:
        stage = Stage(
            [[ASK, ended(0), ASK, None], [ASK, ended(0), failed(0, "ValueError: late"), None]],
            [[ASK, GONE], [ASK, GONE]],
        )
        assert run(stage, 2)[1].error == f"{LOST}: worker 0.1 failed: ValueError: late"
