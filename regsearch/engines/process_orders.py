"""What the coordinator and the fork server of its worker processes say to each other."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from regsearch.engines.process_seat import Seat


@dataclass(frozen=True)
class Start:
    """Orders a worker; its end of the channel follows as a file descriptor.

    Attributes:
        key: What it is called in `Started`, `Ended` and `End`.
        seat: Its place.
    """

    key: int
    seat: Seat


@dataclass(frozen=True)
class End:
    """Orders that a worker be killed."""

    key: int


@dataclass(frozen=True)
class Started:
    """Says that a worker's process is there."""

    key: int
    pid: int


@dataclass(frozen=True)
class Ended:
    """Says that a worker is gone, and how: "was ended by SIGKILL"."""

    key: int
    how: str


@dataclass(frozen=True)
class Unloadable:
    """Says that the train function cannot be loaded here."""

    error: str


def described(code: int) -> str:
    """Says how a process ended.

    >>> described(-9), described(3)
    ('was ended by SIGKILL', 'exited with code 3')
    """
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was ended by signal {-code}"
