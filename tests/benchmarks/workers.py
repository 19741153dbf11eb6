"""How soon a worker process trains, and how much two of them are worth on a CPU-bound study.

OMP_NUM_THREADS=1 python -m tests.benchmarks.workers
"""

from __future__ import annotations

import functools
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import studies.digits
from regsearch.engines.processes import ProcessEngine
from regsearch.training.each import train_each
from regsearch.trials import OnReport, Outcome, Train, Trial
from tests.benchmarks.interleaved import machine

TRIALS = 6  # a whole number of rounds for two workers
EPOCHS = 60  # some six seconds a trial
REPLACEMENTS = 5
ROUNDS = 3


@dataclass(frozen=True)
class Dying:
    """Kills its process in each trial; what it holds is loaded all the same."""

    train: Train

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for _ in trials:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from self.train(trials, on_report)


def _trials(count: int, pulled: list[float]) -> Iterator[Trial]:
    for number in range(count):
        pulled.append(time.perf_counter())
        yield Trial(number, {"penalty": "l1", "lam": 1e-4}, seed=0)


def start_up(train: Train) -> tuple[float, float]:
    """Returns the seconds to the first worker's first trial, and the median of a replacement's."""
    pulled: list[float] = []
    lost = [time.perf_counter()]
    for _ in ProcessEngine(["cpu"]).run(Dying(train), _trials(REPLACEMENTS, pulled), _go_on):
        lost.append(time.perf_counter())
    first, *others = (there - gone for gone, there in zip(lost, pulled, strict=False))
    return first, statistics.median(others)


def seconds(train: Train, workers: int) -> float:
    """Returns what the trials take on so many workers, from the first one's start."""
    pulled: list[float] = []
    run = ProcessEngine(["cpu"] * workers).run(train, _trials(TRIALS, pulled), _go_on)
    ended = [time.perf_counter() for outcome in run if outcome.state == "complete"]
    assert len(ended) == TRIALS
    return ended[-1] - pulled[0]


def _go_on(report: object) -> bool:
    return False


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        task = replace(studies.digits.study(storage=None).task, max_epochs=EPOCHS)
        train = functools.partial(train_each, task, Path(folder))
        first, other = start_up(train)
        print(
            f"first worker's first trial after {first:.2f} s, a replacement's after {other:.2f} s"
        )
        rounds = [(seconds(train, 1), seconds(train, 2)) for _ in range(ROUNDS)]
    one, two = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(
        f"{TRIALS} trials: one worker {one:.1f} s, two {two:.1f} s, {one / two:.2f} times as fast"
    )


if __name__ == "__main__":
    main()
