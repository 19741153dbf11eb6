"""A worker process can do what any process can: load data in others, for one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from regsearch.engines.processes import ProcessEngine
from regsearch.testing.train_functions import finite, go_on
from regsearch.trials import OnReport, Outcome, Trial


@dataclass(frozen=True)
class TrainLoadingData:
    """Loads its data in processes of its own."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            loader = DataLoader(TensorDataset(torch.arange(8.0)), batch_size=4, num_workers=1)
            value = sum(float(batch.sum()) for (batch,) in loader)
            yield Outcome(trial.number, "complete", value)


@dataclass(frozen=True)
class TrainLeavingAPool:
    """Ends a pool of processes that it has forked and tells how these take signals."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            with get_context("fork").Pool(2) as pool:
                handlers = pool.apply(_handlers)
            yield Outcome(trial.number, "failed", None, error=handlers)


_ENDED_AT_ONCE = threading.Event()


def _be_ended_at_once() -> None:
    """Comes before what a worker has run in its forks, which is loaded later than this file."""
    if _ENDED_AT_ONCE.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


os.register_at_fork(after_in_child=_be_ended_at_once)


@dataclass(frozen=True)
class TrainEndingAForkAtOnce:
    """Tells how a process has ended that got SIGTERM before it could do anything."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            _ENDED_AT_ONCE.set()
            fork = get_context("fork").Process(target=int)
            fork.start()
            fork.join()
            yield Outcome(trial.number, "complete", float(fork.exitcode or 0))


def _handlers() -> str:
    return " ".join(str(signal.getsignal(one)) for one in (signal.SIGTERM, signal.SIGINT))


def test_a_pool_of_a_workers_own_can_be_ended() -> None:
    (outcome,) = ProcessEngine(["cpu"], deadline=120.0).run(TrainLeavingAPool(), finite(1), go_on)
    assert outcome.error == f"{signal.SIG_DFL!s} {signal.SIG_IGN!s}"


def test_a_process_of_a_workers_own_can_be_ended_at_once() -> None:
    (outcome,) = ProcessEngine(["cpu"]).run(TrainEndingAForkAtOnce(), finite(1), go_on)
    assert outcome.value == -signal.SIGTERM


@pytest.mark.slow
def test_workers_may_load_data_in_processes_of_their_own() -> None:
    """Slow: torch has to be imported."""
    outcomes = list(ProcessEngine(["cpu", "cpu"]).run(TrainLoadingData(), finite(3), go_on))
    assert [outcome.value for outcome in outcomes] == [28.0] * 3
