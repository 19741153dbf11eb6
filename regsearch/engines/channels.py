"""Messages over a pair of sockets, between the coordinator and one worker process.

A message is pickled, its length goes first. The coordinator reads what there is and never waits for
the rest, so that a worker stopped in the middle of a message cannot stop the study.
"""

from __future__ import annotations

import pickle
import socket
import struct
from contextlib import suppress
from typing import Any

from regsearch.engines.workers import Answer, Ask, Broken, Step
from regsearch.trials import Outcome, Report

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 16
_SENDING = 10.0  # seconds; a worker that waits for an answer takes it at once


def framed(message: object) -> bytes:
    """Returns a message as bytes."""
    payload = pickle.dumps(message)
    return _LENGTH.pack(len(payload)) + payload


class Frames:
    """Puts messages together from bytes as they come."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self._bytes += chunk

    def has_message(self) -> bool:
        """Tells whether a message has arrived whole."""
        return len(self._bytes) >= _LENGTH.size and len(self._bytes) >= self._end()

    def pop(self) -> Any:
        """Returns the oldest message, once it has arrived whole."""
        end = self._end()
        message = pickle.loads(memoryview(self._bytes)[_LENGTH.size : end].tobytes())
        del self._bytes[:end]
        return message

    def _end(self) -> int:
        return _LENGTH.size + int(_LENGTH.unpack_from(self._bytes)[0])


class SocketChannel:
    """The worker's end; it waits as long as it must."""

    def __init__(self, own: socket.socket) -> None:
        self._own = own
        self._frames = Frames()

    def tell(self, said: Outcome | Broken) -> None:
        """Says something that has no answer."""
        self._own.sendall(framed(said))

    def ask(self, said: Ask | Report | Step) -> Answer:
        """Says something and returns the answer."""
        self._own.sendall(framed(said))
        while not self._frames.has_message():
            if not (chunk := self._own.recv(_CHUNK)):
                raise EOFError("The coordinator has closed the channel.")
            self._frames.add(chunk)
        answer: Answer = self._frames.pop()
        return answer


class Mailbox:
    """The coordinator's end; it never waits.

    Attributes:
        own: The socket, to be waited on.
        is_closed: Whether nothing more can come.
    """

    def __init__(self, own: socket.socket) -> None:
        own.setblocking(False)
        self.own = own
        self._frames = Frames()
        self.is_closed = False

    def has_message(self) -> bool:
        """Tells whether a message has been read already, together with the one before it."""
        return self._frames.has_message()

    def receive(self) -> Any:
        """Returns the next message, or None if none has arrived whole."""
        while not self._frames.has_message() and not self.is_closed:
            try:
                chunk = self.own.recv(_CHUNK)
            except BlockingIOError:
                return None
            except ConnectionError:  # its process died with an answer unread
                chunk = b""
            self._frames.add(chunk)
            self.is_closed = not chunk
        return self._frames.pop() if self._frames.has_message() else None

    def send(self, message: object) -> None:
        """Sends a message to a worker that waits for it; to nobody, if it is gone or stopped."""
        with suppress(OSError):
            self.own.settimeout(_SENDING)
            self.own.sendall(framed(message))
        self.own.setblocking(False)

    def close(self) -> None:
        """Gives the socket back."""
        self.is_closed = True
        self.own.close()
