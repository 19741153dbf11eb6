"""One answer for all ranks, whoever asks first; and who has been silent for too long."""

from __future__ import annotations

import pytest

from regsearch.engines.group import START_UP, Group, OutOfStepError
from regsearch.engines.workers import Answer, Ask, Said, Step


class Listener:
    """A worker that only listens."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[Answer] = []

    def receive(self) -> Said | None:
        return None

    def send(self, answer: Answer) -> None:
        self.heard.append(answer)

    def end(self) -> None:
        pass


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pair() -> tuple[Listener, Listener]:
    return Listener("rank 0"), Listener("rank 1")


def test_a_rank_that_asks_first_waits_for_rank_0(pair: tuple[Listener, Listener]) -> None:
    group = Group(0, pair)
    group.ask(pair[1], Step(3, 0))
    assert pair[1].heard == []
    group.answer(Step(3, 0), True)
    assert [worker.heard for worker in pair] == [[True], [True]]


def test_a_rank_that_asks_later_is_told_what_rank_0_was(pair: tuple[Listener, Listener]) -> None:
    group = Group(0, pair)
    for step in range(3):
        group.answer(Step(3, step), step == 2)
    assert pair[1].heard == []
    for step in range(3):
        group.ask(pair[1], Step(3, step))
    assert pair[1].heard == [False, False, True]


@pytest.mark.parametrize("is_first", [True, False])
def test_another_question_than_rank_0s_is_an_error(
    pair: tuple[Listener, Listener], is_first: bool
) -> None:
    group = Group(0, pair)
    steps = [lambda: group.ask(pair[1], Step(3, 1)), lambda: group.answer(Step(3, 0), False)]
    first, second = steps if is_first else reversed(steps)
    first()
    with pytest.raises(OutOfStepError, match="asked Step.*step=1. where rank 0 asked .*step=0"):
        second()


def test_the_first_word_may_take_long(pair: tuple[Listener, Listener]) -> None:
    clock = Clock()
    group = Group(0, pair, clock)
    assert group.patience(5.0).ends == START_UP
    group.heard(pair[0])
    assert group.patience(5.0).ends == 5.0
    assert group.patience(2 * START_UP).ends == 2 * START_UP


def test_who_waits_for_an_answer_is_not_silent(pair: tuple[Listener, Listener]) -> None:
    clock = Clock()
    group = Group(0, pair, clock)
    for worker in pair:
        group.heard(worker)
    group.ask(pair[1], Ask())
    clock.now = 3.0
    group.heard(pair[0])
    assert group.patience(5.0).worker is pair[0]
    clock.now = 6.0
    group.answer(Ask(), None)
    assert group.patience(5.0).ends == 11.0, "the answer took from 3 to 6, which was no silence"
