"""Messages arrive whole, in order, and nobody waits for the rest of one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from regsearch.engines.channels import Mailbox, SocketChannel, framed
from regsearch.engines.workers import Ask, Broken
from regsearch.trials import Trial

Ends = tuple[Mailbox, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Mailbox(ours), theirs


def test_a_message_in_parts_is_received_once_it_is_whole(ends: Ends) -> None:
    mailbox, theirs = ends
    message = framed(Broken("why"))
    for byte in message[:-1]:
        theirs.sendall(bytes([byte]))
        assert mailbox.receive() is None
    theirs.sendall(message[-1:])
    assert mailbox.receive() == Broken("why")
    assert mailbox.receive() is None


def test_messages_that_come_together_are_received_one_by_one(ends: Ends) -> None:
    mailbox, theirs = ends
    theirs.sendall(b"".join(framed(Broken(str(k))) for k in range(3)))
    assert [mailbox.receive() for _ in range(3)] == [Broken("0"), Broken("1"), Broken("2")]
    assert not mailbox.has_message()


def test_what_was_said_before_the_end_is_received(ends: Ends) -> None:
    mailbox, theirs = ends
    theirs.sendall(framed(Broken("why")) + b"half a mess")
    theirs.close()
    assert mailbox.receive() == Broken("why")
    assert mailbox.receive() is None
    assert mailbox.is_closed


def test_an_answer_to_nobody_is_lost_in_silence(ends: Ends) -> None:
    mailbox, theirs = ends
    theirs.close()
    mailbox.send(True)
    assert mailbox.receive() is None


def test_a_question_waits_for_its_answer(ends: Ends) -> None:
    mailbox, theirs = ends
    trial = Trial(3, {"penalty": "none", "lam": 0.0}, seed=0)
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(SocketChannel(theirs).ask(Ask())))
    asking.start()
    while mailbox.receive() is None:
        pass
    mailbox.send(trial)
    asking.join()
    assert answers == [trial]


def test_a_question_to_nobody_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs, pytest.raises((EOFError, ConnectionError)):
        SocketChannel(theirs).ask(Ask())
