"""The inline engine keeps the laws, and adds nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regsearch.engines.base import Engine
from regsearch.engines.inline import InlineEngine
from regsearch.testing.engines import EngineLaws
from regsearch.testing.train_functions import endless, finite, go_on, train
from regsearch.trials import OnReport, Outcome, Trial


class TestInlineEngine(EngineLaws):
    @pytest.fixture
    def engine(self) -> Engine:
        return InlineEngine()


def test_one_trial_is_held_at_a_time() -> None:
    pulled = []
    trials = (pulled.append(trial.number) or trial for trial in endless())
    run = InlineEngine().run(train, trials, go_on)
    for number in range(3):
        assert next(run).number == number
        assert pulled == list(range(number + 1))


def test_closing_ends_the_train_function_at_once() -> None:
    ended = []

    def train_until_closed(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        try:
            yield from train(trials, on_report)
        finally:
            ended.append(True)

    run = InlineEngine().run(train_until_closed, endless(), go_on)
    next(run)
    run.close()
    assert ended == [True]


def test_an_interrupt_is_no_failed_trial() -> None:
    def interrupted(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        next(trials)
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(InlineEngine().run(interrupted, finite(2), go_on))


def test_an_error_that_no_trial_can_be_charged_with_is_warned_of() -> None:
    def untidy(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        yield from train(trials, on_report)
        raise OSError("on the way out")

    with pytest.warns(UserWarning, match="raised, holding no trial:[^$]*on the way out"):
        outcomes = list(InlineEngine().run(untidy, finite(2), go_on))
    assert [outcome.state for outcome in outcomes] == ["complete", "complete"]
