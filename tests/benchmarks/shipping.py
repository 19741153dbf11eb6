"""What MLflow costs: the process that ships for each metric, and the study that hands them over.

`points` writes the same metrics into two copies of a SQLite database in turn, by MLflow's client
and straight into its tables. `caller` times how long 100 trials of 50 epochs with 20 metrics keep
the study that reports them. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.shipping [points] [caller]
"""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric

from regsearch.tracking import direct
from regsearch.tracking.direct import Point
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.trials import Outcome, Report, Trial
from tests.benchmarks.interleaved import medians, run_parts

RUNS, REPORTS, METRICS = 32, 3, 31  # a chunk of a study of fused trials
Points = dict[str, list[Point]]


def points(rounds: int = 5) -> None:
    """CPU microseconds a metric, in chunks of a few reports of each of many runs."""
    client = MlflowClient("sqlite:///theirs.db")
    experiment = client.create_experiment("points")
    runs = [client.create_run(experiment).info.run_id for _ in range(RUNS)]
    shutil.copy("theirs.db", "ours.db")
    ways: dict[str, Callable[[], object]] = {
        "log_batch": functools.partial(_by_client, client, _chunks(runs)),
        "into the tables": functools.partial(_by_tables, _chunks(runs)),
    }
    found = medians(ways, rounds, time.process_time)
    each = {way: seconds / (RUNS * REPORTS * METRICS) * 1e6 for way, seconds in found.items()}
    for way, cost in each.items():
        print(f"{way}: {cost:.0f} µs of CPU a metric, {cost / each['log_batch']:.3f} of MLflow's")


def _chunks(runs: list[str]) -> Iterator[Points]:
    for first in itertools.count(step=REPORTS):
        steps = range(first, first + REPORTS)
        yield {
            run: [(f"metric/{m}", 0.5, 1000 + s, s) for s in steps for m in range(METRICS)]
            for run in runs
        }


def _by_client(client: MlflowClient, chunks: Iterator[Points]) -> None:
    for run, some in next(chunks).items():
        client.log_batch(run, [Metric(*point) for point in some], synchronous=True)


def _by_tables(chunks: Iterator[Points]) -> None:
    direct.write(Path("ours.db"), next(chunks))


def caller(trials: int = 100, epochs: int = 50, metrics: int = 20) -> None:
    """Seconds in which a study waits for its tracker, and until all is in MLflow."""
    tracker = MLflowTracker("sqlite:///caller.db")
    names = [f"metric/{m}" for m in range(metrics)]
    start, cpu = time.perf_counter(), time.process_time()
    for number in range(trials):
        tracker.start(Trial(number, {"penalty": "l1", "lam": 1e-3}, seed=0))
        for epoch in range(epochs):
            tracker.log(Report(number, epoch, dict.fromkeys(names, 0.5)))
        tracker.finish(Outcome(number, "complete", 0.5))
    waited, spent = time.perf_counter() - start, time.process_time() - cpu
    tracker.close()
    whole = time.perf_counter() - start
    print(
        f"{trials} x {epochs} x {metrics}: the caller waited {waited:.2f} s ({spent:.2f} s of CPU)"
    )
    print(f"in MLflow after {whole:.1f} s")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run_parts({"points": points, "caller": caller})
