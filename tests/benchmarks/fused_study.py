"""A whole study with fused trials, search and MLflow included, against one written by hand.

60 trials of the digits network, 20 epochs each, by regsearch; a few by Optuna, a Trainer each and
Lightning's own MLFlowLogger. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.fused_study
"""

from __future__ import annotations

import os
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


def study(trials: int = 60, hand_trials: int = 4) -> None:
    """The study end to end, search and tracking included, against one written by hand."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    written = optuna.create_study(storage="sqlite:///hand-study.db")
    written.optimize(by_hand, 1)  # makes MLflow's tables
    start, cpu = time.perf_counter(), process_seconds()
    written.optimize(by_hand, hand_trials)
    hand = (time.perf_counter() - start) / hand_trials
    hand_cpu = (process_seconds() - cpu) / hand_trials
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
    start, cpu = time.perf_counter(), process_seconds()
    asked = Study("fused", task(), space, trials, pruner=None)
    asked.run(train=timed, tracker=tracker, progress=False)
    whole = time.perf_counter() - start
    whole_cpu = process_seconds() - cpu
    ours = whole / trials
    print(f"\nby hand {hand:.2f} s a trial, fused {ours:.2f}: {hand / ours:.1f} times as fast")
    print(
        f"CPU, shipping included: {hand_cpu:.2f} s and {whole_cpu / trials:.2f} s a trial, "
        f"{hand_cpu * trials / whole_cpu:.1f} times"
    )
    print(
        f"{trials} trials in {whole:.0f} s: {clock['books'] / whole:.0%} asking, reporting and "
        f"telling, {tracker.waited / whole:.0%} waiting for MLflow at the end"
    )


def process_seconds() -> float:
    """Returns the CPU seconds of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def _spent(clock: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    clock["books"] += time.perf_counter() - start


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        torch.set_num_threads(1)
        print(machine())
        study()
