"""Signals sent to this very process, where they can be timed to the line."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

import pytest

from regsearch.search.signals import Signals
from regsearch.trials import Trial
from tests.search.toys import DB, curve, go, states, study, trained

EXCEPTIONS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: SystemExit}


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def signals(said: list[str]) -> Signals:
    return Signals(said.append)


@pytest.mark.parametrize("number", EXCEPTIONS)
def test_a_signal_waits_for_the_entry_to_be_made(signals: Signals, number: int) -> None:
    made = []

    def struck_in_an_entry() -> None:
        with signals.handled():
            with signals.entry():
                with signals.entry():
                    send(number)
                    made.append("inner")
                made.append("outer")
            made.append("after")

    with pytest.raises(EXCEPTIONS[number]):
        struck_in_an_entry()
    assert made == ["inner", "outer"]


@pytest.mark.parametrize("number", EXCEPTIONS)
def test_a_signal_strikes_at_once_between_entries(
    signals: Signals, said: list[str], number: int
) -> None:
    reached = []

    def struck() -> None:
        with signals.handled(), signals.leaving():
            send(number)
            reached.append("further")

    with pytest.raises(EXCEPTIONS[number]) as caught:
        struck()
    assert reached == []
    assert len(said) == 1
    assert getattr(caught.value, "code", 143) == 143


def test_a_signal_that_a_finalizer_swallowed_is_raised_at_the_next_entry(signals: Signals) -> None:
    reached = []

    def struck() -> None:
        with signals.handled():
            with suppress(KeyboardInterrupt):
                send(signal.SIGINT)
            with signals.entry():
                reached.append("entry")
            reached.append("further")

    with pytest.raises(KeyboardInterrupt):
        struck()
    assert reached == ["entry"]


def test_what_is_done_while_leaving_is_done_to_its_end(signals: Signals) -> None:
    made = []

    def struck() -> None:
        with signals.handled():
            try:
                with signals.leaving():
                    send(signal.SIGINT)
            finally:
                with signals.entry():
                    made.append("books")
                made.append("tracker")

    with pytest.raises(KeyboardInterrupt):
        struck()
    assert made == ["books", "tracker"]


def test_handlers_are_put_back(signals: Signals) -> None:
    before = {number: signal.getsignal(number) for number in EXCEPTIONS}

    def struck() -> None:
        with signals.handled():
            assert all(signal.getsignal(number) != before[number] for number in EXCEPTIONS)
            send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="run it again to go on"):
        struck()
    assert {number: signal.getsignal(number) for number in EXCEPTIONS} == before


def test_somebody_elses_handler_stays(signals: Signals) -> None:
    heard = []

    def own(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, own)
    try:
        with signals.handled():
            send(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_other_threads_handle_none() -> None:
    lengths = []
    thread = threading.Thread(target=lambda: lengths.append(len(go(study(3)).trials)))
    thread.start()
    thread.join()
    assert lengths == [3]


@pytest.mark.parametrize("number", EXCEPTIONS)
def test_a_study_is_put_in_order_first(number: int) -> None:
    def struck(trial: Trial) -> Iterator[float]:
        values = list(curve(trial))
        yield values[0]
        if trial.number == 2 and trial.attempt == 0:
            send(number)
        yield from values[1:]

    with pytest.raises(EXCEPTIONS[number]):
        go(study(4, storage=DB), trained(struck))
    assert (
        states()
        == ["COMPLETE", "COMPLETE", "FAIL", "WAITING", "WAITING", "WAITING"][: len(states())]
    )
    table = go(study(4, storage=DB), trained(struck)).trials
    assert table["reason"].tolist().count("interrupted") == 1
    assert (table["state"] != "failed").sum() == 4
