"""A whole study with fused trials, search and MLflow included, against one written by hand.

60 trials of the digits network, 20 epochs each: by regsearch, and by Optuna with a Trainer and
Lightning's own MLFlowLogger each, of which a few are run and the rest counted like them. Each way
begins in an interpreter and a folder of its own, and makes its databases. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.fused_study
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import MLFlowLogger

from regsearch import MLflowTracker, Outcome, Report, Space, Study, Trial
from regsearch.training.fused.train import train_fused
from regsearch.training.surroundings import quiet, seeded, share_of_threads
from regsearch.trials import OnReport
from studies.digits import data
from tests.benchmarks.fused import EPOCHS, KINDS, Naive, task
from tests.benchmarks.interleaved import machine

TRIALS = 60


def by_hand(trial: optuna.Trial) -> float:
    """One trial of a study as people write it: the penalty in the loss, a logger's run a trial."""
    trial.suggest_categorical("penalty", KINDS)
    trial.suggest_float("lam", 1e-6, 1e-2, log=True)
    logger = MLFlowLogger("by hand", tracking_uri="sqlite:///hand.db")
    logger.log_hyperparams(trial.params)
    with share_of_threads(), quiet(), seeded(0):
        trainer = Trainer(
            max_epochs=EPOCHS,
            logger=logger,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            devices=1,
        )
        trainer.fit(Naive(), *data())
    return float(trainer.callback_metrics["val_loss"])


class Waiting(MLflowTracker):
    """Knows how long it has waited for MLflow at the end."""

    waited = 0.0

    def close(self) -> None:
        start = time.perf_counter()
        super().close()
        self.waited += time.perf_counter() - start


def written(measured: int = 4) -> None:
    """A study written by hand.

    Args:
        measured: How many of its trials are run after the first one; the others count like them.
    """
    first = _Seconds()
    study = optuna.create_study(storage="sqlite:///study.db")
    study.optimize(by_hand, 1)
    wall, cpu = first.taken()
    others = _Seconds()
    study.optimize(by_hand, measured)
    each, each_cpu = (seconds / measured for seconds in others.taken())
    rest = TRIALS - 1
    _tell(wall + rest * each, cpu + rest * each_cpu, first=wall, each=each)


def fused() -> None:
    """The same by regsearch, search and tracking included."""
    clock = {"books": 0.0}

    def timed(given: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        def pulled() -> Iterator[Trial]:
            with _spent(clock):
                trial = next(given, None)
            if trial is not None:
                yield trial
                yield from pulled()

        def report(what: Report) -> bool:
            with _spent(clock):
                return on_report(what)

        for outcome in train_fused(task(), Path("kept"), pulled(), report, width=32):
            with _spent(clock):
                yield outcome

    space = Space(("l1", "l2", "elastic_net"))
    tracker = Waiting()
    ours = _Seconds()
    asked = Study("fused", task(), space, TRIALS, pruner=None)
    asked.run(train=timed, tracker=tracker, progress=False)
    whole, whole_cpu = ours.taken()
    _tell(whole, whole_cpu, books=clock["books"], waited=tracker.waited)


def _tell(wall: float, cpu: float, **more: float) -> None:
    print(json.dumps({"wall": wall, "cpu": cpu, **more}))


def compare(rounds: int = 3) -> None:
    """Both ways in turn, each in a process and a folder of its own."""
    found: dict[str, list[dict[str, float]]] = {"written": [], "fused": []}
    for _ in range(rounds):
        for way, seconds in found.items():
            seconds.append(_measured(way))
            print(way, {name: round(value, 2) for name, value in seconds[-1].items()})
    hand, ours = (
        {name: statistics.median(each[name] for each in seconds) for name in seconds[0]}
        for seconds in found.values()
    )
    wall, cpu = hand["wall"] / ours["wall"], hand["cpu"] / ours["cpu"]
    print(f"\n{TRIALS} trials: {wall:.1f} times as fast, {cpu:.1f} in CPU seconds of all processes")
    books, waited = ours["books"] / ours["wall"], ours["waited"] / ours["wall"]
    print(f"{books:.0%} asking, reporting and telling, {waited:.0%} waiting for MLflow at the end")


def _measured(way: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.fused_study", way]
    path = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


class _Seconds:
    """Seconds since it was made, of the wall, and of this process and those it has waited for."""

    def __init__(self) -> None:
        self._start = self._now()

    def taken(self) -> tuple[float, float]:
        wall, cpu = self._now()
        return wall - self._start[0], cpu - self._start[1]

    def _now(self) -> tuple[float, float]:
        times = os.times()
        cpu = times.user + times.system + times.children_user + times.children_system
        return time.perf_counter(), cpu


@contextmanager
def _spent(clock: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    clock["books"] += time.perf_counter() - start


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)
    ways = {"written": written, "fused": fused}
    if sys.argv[1:]:
        ways[sys.argv[1]]()
    else:
        print(machine())
        compare()
