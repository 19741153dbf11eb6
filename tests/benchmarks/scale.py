"""What a study costs when training costs nothing: reports a second, and a trial's price by number.

A train function that only reports stands for a room full of GPUs. SQLite and an `MLflowTracker` as
a study has them by default, 20 metrics a report. The sampler is timed apart: a TPE looks at all
trials whenever it is asked, which is its nature and not the coordinator's. A trial's price is in
seconds of this process, which others on the machine do not change much.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.scale [--trials 2050] [--epochs 20]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from regsearch.search.samplers import STARTUP
from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.training.task import Task
from regsearch.trials import OnReport, Outcome, Report, State, Trial
from tests.benchmarks.interleaved import machine

METRICS = 20
AROUND = 50  # trials on either side of the one whose price is asked


def no_module(params: Mapping[str, Any]) -> Any:
    raise NotImplementedError


def no_data() -> Any:
    raise NotImplementedError


@dataclass
class Clock:
    """Seconds at each trial's end: of the wall, of this process, and of its sampler."""

    sampling: float = 0.0
    marks: list[tuple[float, float, float]] = field(default_factory=list)
    reports: int = 0

    def mark(self) -> None:
        self.marks.append((time.perf_counter(), time.process_time(), self.sampling))


class Timed(BaseSampler):
    """A sampler whose time is taken."""

    def __init__(self, sampler: BaseSampler, clock: Clock) -> None:
        self._sampler = sampler
        self._clock = clock

    @contextmanager
    def _counting(self) -> Iterator[None]:
        start = time.process_time()
        yield
        self._clock.sampling += time.process_time() - start

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        with self._counting():
            return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._counting():
            return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, d: BaseDistribution
    ) -> Any:
        with self._counting():
            return self._sampler.sample_independent(study, trial, param_name, d)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        with self._counting():
            self._sampler.after_trial(study, trial, state, values)


def measure(sampler: BaseSampler, n_trials: int, epochs: int) -> Clock:
    """Runs a study of trials that only report."""
    clock, draws = Clock(), random.Random(0)

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            floor = draws.random()
            state: State = "complete"
            for step in range(epochs):
                metrics = {"val_loss": floor + draws.random() / (step + 1)}
                metrics |= {f"sparsity/{i}": 0.5 for i in range(METRICS - 1)}
                clock.reports += 1
                if on_report(Report(trial.number, step, metrics)):
                    state = "pruned"
                    break
            yield Outcome(trial.number, state, metrics["val_loss"], metrics)
            clock.mark()

    task = Task(no_module, no_data, max_epochs=epochs)
    study = Study("scale", task, Space(), n_trials, sampler=Timed(sampler, clock))
    clock.mark()
    study.run(train=train, tracker=MLflowTracker(patience=1.0), progress=False)
    return clock


def tell(name: str, clock: Clock) -> None:
    """Prints what a study cost in all, and around some of its trials."""
    wall, process, sampling = (
        last - first for first, last in zip(clock.marks[0], clock.marks[-1], strict=True)
    )
    print(
        f"{name}: {clock.reports / (wall - sampling):.0f} reports a second of the wall, "
        f"{clock.reports / (process - sampling):.0f} a second of the process, without the sampler"
    )
    for number in (100, 500, 1000, 2000):
        near = clock.marks[max(number - AROUND, 1) : number + AROUND + 1]
        if len(near) > AROUND:
            own = [b[1] - a[1] - (b[2] - a[2]) for a, b in pairwise(near)]
            drawing = [b[2] - a[2] for a, b in pairwise(near)]
            ms = [1e3 * statistics.median(seconds) for seconds in (own, drawing)]
            print(f"  trial {number}: {ms[0]:.1f} ms, and {ms[1]:.1f} ms for the sampler")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=2050)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    print(machine(), f"{given.epochs} epochs a trial", sep=", ")
    samplers = {"random": RandomSampler(0), "tpe": TPESampler(n_startup_trials=STARTUP, seed=0)}
    for name, sampler in samplers.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            tell(name, measure(sampler, given.trials, given.epochs))
            os.chdir("/")


if __name__ == "__main__":
    main()
