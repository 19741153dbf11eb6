"""What travels between coordinator, engine, train function and tracker: plain data, nothing else.

A study asks for a `Trial`, a train function sends a `Report` each validation epoch and is told
whether to stop, and every trial pulled ends as exactly one `Outcome`. This file imports the
standard library alone, so that any process can read what another one wrote.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

State = Literal["complete", "pruned", "failed"]
Direction = Literal["minimize", "maximize"]

# How an error begins that is not an exception of the user's own code.
DIVERGED = "diverged"
LOST = "lost"  # the process that trained it died, or hung
INTERRUPTED = "interrupted"  # by ctrl-C or a signal


@dataclass(frozen=True)
class Trial:
    """One setting to train.

    Attributes:
        number: The trial's number in its study, from 0.
        params: `penalty`, `lam`, `l1_ratio` (where the penalty has one) and the study's extras.
        seed: Seed of weights, data order and dropout; the same for every trial of a study.
        attempt: 0 for the first try, 1 for the first retry, and so on.
        resume_from: Checkpoint of the attempt before, if there is one.
        retry_of: Number of the attempt before; None for the first try.
    """

    number: int
    params: Mapping[str, Any]
    seed: int
    attempt: int = 0
    resume_from: str | None = None
    retry_of: int | None = None


@dataclass(frozen=True)
class Histogram:
    """Counts of one parameter's non-zero weights on the symmetric range [-limit, limit].

    Attributes:
        counts: One count a bin, from the left; bins are equally wide.
        limit: Half the range, a power of two, so that two histograms of one parameter differ by
            merging pairs of bins only.
        zeros: How many weights are exactly zero; they are in no bin.
    """

    counts: Sequence[int]
    limit: float
    zeros: int

    def widened(self, limit: float) -> Histogram:
        """Returns the same counts on a range that is wider by a power of two.

        Raises:
            ValueError: If `limit` is not this limit times a power of two.
        """
        doublings = math.log2(limit / self.limit)
        if doublings < 0 or not doublings.is_integer():
            raise ValueError(
                f"limit must be {self.limit} times 1, 2, 4, ..., but got limit={limit}."
            )
        counts = list(self.counts)
        for _ in range(int(doublings)):
            counts = _halved(counts)
        return Histogram(tuple(counts), limit, self.zeros)


def _halved(counts: Sequence[int]) -> list[int]:
    pairs = [counts[i] + counts[i + 1] for i in range(0, len(counts), 2)]
    margin = [0] * (len(counts) // 4)
    return [*margin, *pairs, *margin]


@dataclass(frozen=True)
class Report:
    """What a trial says of itself after a validation epoch.

    Attributes:
        trial: The trial's number.
        step: How many reports this trial has sent before, from 0.
        metrics: The monitored metric, the user's other metrics and the families `loss/`,
            `sparsity/`, `near_zero/`, `weight_norm/` and `weights_p05/` to `weights_p95/`.
        histograms: One a penalised parameter, by its qualified name.
    """

    trial: int
    step: int
    metrics: Mapping[str, float]
    histograms: Mapping[str, Histogram] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        number: The trial's number.
        state: "complete", "pruned" (stopped early, or diverged) or "failed".
        value: The monitored metric at the end; None if there is none.
        metrics: The last report's metrics.
        error: What went wrong, a traceback as a rule; "" if nothing did.
    """

    number: int
    state: State
    value: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def reason(self) -> str:
        """Why the trial did not complete, in a few words; "" if it did."""
        if self.state == "pruned":
            return DIVERGED if self.error else "pruner"
        return _headline(self.error.strip().splitlines())


def _headline(lines: Sequence[str]) -> str:
    """Returns the line of a traceback that names the exception: the first below the last frame."""
    below = [
        line
        for above, line in pairwise(lines)
        if above.startswith("  ") and not line.startswith(" ")
    ]
    return below[-1] if below else "".join(lines[-1:])


OnReport = Callable[[Report], bool]
Train = Callable[[Iterator[Trial], OnReport], Iterator[Outcome]]
