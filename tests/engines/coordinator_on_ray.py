"""A program of its own that trains a trial without end on Ray, and says which process trains it.

It runs as `python coordinator_on_ray.py local`, or with the address of a cluster, and is killed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

import ray  # noqa: F401  # before the engine, as in a program that uses Ray for more

from regsearch.engines.ray import RayEngine
from regsearch.trials import OnReport, Outcome, Report, Trial


def train_without_end(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    for trial in trials:
        on_report(Report(trial.number, 0, {"process": float(os.getpid())}))
        time.sleep(600)
    yield from ()


def say_the_process(report: Report) -> bool:
    print(int(report.metrics["process"]), flush=True)
    return False


if __name__ == "__main__":
    engine = RayEngine(sys.argv[1], gpus_per_trial=0)
    list(engine.run(train_without_end, [Trial(0, {}, seed=0)], say_the_process))
