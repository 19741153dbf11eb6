"""What the coordinator and its workers say to each other, and what each may expect of the other.

A *worker* trains in a process of its own; a *group* of workers, its *ranks*, trains one trial
together. `regsearch.engines.crew` drives groups through the protocols below and knows neither pipes
nor clusters; `regsearch.engines.serving` is the worker's side of the same conversation.

A worker asks (`Ask`, `Report`, `Step`) and waits for the answer, or tells (`Outcome`, `Broken`) and
goes on. The coordinator never speaks first, so a channel never holds more than one answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from regsearch.trials import Outcome, Report, Trial


@dataclass(frozen=True)
class Ask:
    """There is room for a trial. Answered by a `Trial`, or by None: there are no more."""


@dataclass(frozen=True)
class Step:
    """What a rank other than the first says instead of a `Report`; answered as that one is."""

    trial: int
    step: int


@dataclass(frozen=True)
class Broken:
    """The last words of a worker that cannot go on although its process could.

    Attributes:
        error: A traceback.
    """

    error: str


Said = Ask | Report | Step | Outcome | Broken
Answer = Trial | bool | None


class WorkerGoneError(Exception):
    """A worker has ended.

    Its text goes on where the worker's name stops: "was ended by SIGKILL", "exited with code 3".
    """


class Worker(Protocol):
    """The coordinator's end of one worker."""

    @property
    def name(self) -> str:
        """Returns what it is called in errors: "the worker on device 0 (process 123)"."""
        ...

    def receive(self) -> Said | None:
        """Returns what it said, or None if that has not arrived whole; never waits.

        Raises:
            WorkerGoneError: If it has ended, and all that it said before has been received.
        """
        ...

    def send(self, answer: Answer) -> None:
        """Answers its last question; of one that has ended, `receive` will tell."""
        ...

    def end(self) -> None:
        """Ends it at once, whatever it does; does nothing if it has ended."""
        ...


class Transport(Protocol):
    """Starts groups of workers, and watches over all of them; made for one run of an engine."""

    @property
    def slots(self) -> int:
        """Returns how many groups run at once; slot k stands for the devices of the k-th."""
        ...

    def start(self, slot: int) -> Sequence[Worker]:
        """Starts a group on a slot and returns its workers, rank 0 first, without waiting for them.

        Raises:
            RuntimeError: If no worker can be started, so that it is no use to try again.
        """
        ...

    def wait(self, workers: Collection[Worker], timeout: float) -> Collection[Worker]:
        """Returns those for which `receive` has news, as soon as there are any.

        Args:
            workers: Some of those that were started.
            timeout: Seconds after which to return, with none if there is no news.
        """
        ...

    def close(self) -> None:
        """Ends every worker, and returns when none is left."""
        ...


class Channel(Protocol):
    """The worker's end of the conversation."""

    def tell(self, said: Outcome | Broken) -> None:
        """Says something that has no answer."""
        ...

    def ask(self, said: Ask | Report | Step) -> Answer:
        """Says something and returns the answer, however long it takes."""
        ...
