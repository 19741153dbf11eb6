"""The ranks that train one trial together, and how one answer reaches all of them.

Every rank asks the same questions in the same order, for all run the same code on the same trial.
Rank 0's are answered by the coordinator; the others' by what rank 0 was told, whoever comes first.
A single worker is a group of one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from regsearch.engines.workers import Answer, Ask, Step, Worker
from regsearch.trials import Trial

Question = Ask | Step

START_UP = (
    600.0  # seconds that a worker may take to its first word: imports from far disks are slow
)


class OutOfStepError(Exception):
    """A rank asked another question than rank 0 did."""


@dataclass
class Held:
    """A trial in the hands of a group, and the last metrics that were reported of it."""

    trial: Trial
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Patience:
    """How long a worker may be silent.

    Attributes:
        worker: Which one.
        limit: Seconds between two words.
        ends: When that is over, on the group's clock.
    """

    worker: Worker
    limit: float
    ends: float


@dataclass
class _Rank:
    worker: Worker
    clock: Callable[[], float]
    last_word: float  # or the last answer, if that came later
    has_spoken: bool = False
    asked: Question | None = None
    known: deque[tuple[Question, Answer]] = field(default_factory=deque)

    def patience(self, deadline: float) -> Patience:
        limit = deadline if self.has_spoken else max(deadline, START_UP)
        return Patience(self.worker, limit, self.last_word + limit)

    def settle(self) -> None:
        """Answers its question if rank 0 has had an answer to the same."""
        if self.asked is None or not self.known:
            return
        question, answer = self.known.popleft()
        if question != self.asked:
            raise OutOfStepError(f"asked {self.asked} where rank 0 asked {question}")
        self.asked = None
        self.send(answer)

    def send(self, answer: Answer) -> None:
        self.worker.send(answer)
        self.last_word = self.clock()


class Group:
    """What the coordinator knows of one group.

    Args:
        slot: Where it runs.
        workers: Its ranks, in order.
        clock: Seconds that only grow.
    """

    def __init__(
        self, slot: int, workers: Sequence[Worker], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.slot = slot
        self.workers = workers
        self.held: dict[int, Held] = {}
        self.has_asked = False  # for a trial, so that it is known to work
        self.is_spent = False  # it is to be replaced rather than given another trial
        self.failure = ""  # why it is about to be ended, if it is
        self._fails_at = 0.0
        self._ranks = [_Rank(worker, clock, clock()) for worker in workers]

    def heard(self, worker: Worker) -> None:
        """Takes note that a rank gave a word."""
        rank = self._rank(worker)
        rank.last_word, rank.has_spoken = rank.clock(), True

    def answer(self, question: Question, answer: Answer) -> None:
        """Answers rank 0, and with it all others.

        Raises:
            OutOfStepError: If another rank waits for the answer to another question.
        """
        self._ranks[0].send(answer)
        for rank in self._ranks[1:]:
            rank.known.append((question, answer))
            rank.settle()

    def ask(self, worker: Worker, question: Question) -> None:
        """Takes the question of a rank other than the first, to be answered as rank 0's is.

        Raises:
            OutOfStepError: If rank 0 has asked another question.
        """
        rank = self._rank(worker)
        rank.asked = question
        rank.settle()

    def fail(self, failure: str, at: float) -> None:
        """Has it end at a time, unless it has been told to before."""
        if not self.failure:
            self.failure, self._fails_at = failure, at

    def patience(self, deadline: float) -> Patience:
        """Returns which rank will have been silent for too long first, and when.

        A rank that waits for an answer is not silent, but rank 0 never waits.

        Args:
            deadline: Seconds that a rank may take from one word to the next.
        """
        if self.failure:
            return Patience(self.workers[0], 0.0, self._fails_at)
        silent = (rank for rank in self._ranks if rank.asked is None)
        return min((rank.patience(deadline) for rank in silent), key=lambda it: it.ends)

    def end(self) -> None:
        """Ends every rank at once."""
        for worker in self.workers:
            worker.end()

    def _rank(self, worker: Worker) -> _Rank:
        return self._ranks[self.workers.index(worker)]
