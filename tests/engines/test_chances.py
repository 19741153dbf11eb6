"""Failures are told apart by what torch, NumPy and their libraries really say."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed

from regsearch.engines import crew
from regsearch.engines.chances import is_collective_failure, is_out_of_memory
from regsearch.engines.devices import slots
from regsearch.engines.process_pool import ProcessPool
from regsearch.engines.process_worker import ProcessWorker
from regsearch.engines.workers import Worker
from regsearch.testing.train_functions import finite, go_on
from regsearch.trials import LOST, OnReport, Outcome, Trial

TOO_MANY = 2**60  # bytes


def failed(act: Callable[[], Any]) -> Outcome:
    """Returns the outcome of a trial whose train function does this."""
    try:
        act()
    except Exception:
        return Outcome(0, "failed", None, {}, traceback.format_exc())
    raise AssertionError("it must raise")


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: bytearray(TOO_MANY),
        lambda: np.empty(TOO_MANY, np.uint8),
        lambda: torch.empty(TOO_MANY, dtype=torch.uint8),
        raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 EiB.")),
        raising(RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA")),
        raising(torch.AcceleratorError("CUDA error: out of memory\nSearch for it")),
    ],
    ids=["python", "numpy", "torch", "cuda", "cuda error", "accelerator"],
)
def test_what_has_no_memory_says_so(allocate: Callable[[], Any]) -> None:
    assert is_out_of_memory(failed(allocate))


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("the list is out of memory"), OSError(28)]
)
def test_other_errors_are_not_for_want_of_memory(error: Exception) -> None:
    assert not is_out_of_memory(failed(raising(error)))


GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"{GLOO}/pair.cc:537] Read error [::1]:52: Connection reset by peer."),
        RuntimeError(f"{GLOO}/pair.cc:547] Connection closed by peer [127.0.0.1]:5"),
        RuntimeError(f"{GLOO}/unbound_buffer.cc:81] Timed out waiting 300000ms for recv operation"),
        RuntimeError("NCCL error in: ProcessGroupNCCL.cpp:41, remote process exited"),
        RuntimeError("Broken pipe"),
        distributed.DistBackendError("NCCL watchdog thread terminated with an exception"),
        distributed.DistNetworkError("The client socket has timed out after 300000ms"),
        distributed.DistStoreError("wait timeout after 300000ms"),
    ],
)
def test_a_rank_that_lost_another_one_says_so(error: Exception) -> None:
    assert is_collective_failure(failed(raising(error)))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset by peer"),  # of the user's own connections
        BrokenPipeError(32, "Broken pipe"),
        RuntimeError("shapes differ"),
        RuntimeError("Distributed package doesn't have NCCL built in"),
        distributed.DistNetworkError("EADDRINUSE: address already in use"),
    ],
)
def test_other_errors_are_a_ranks_own(error: Exception) -> None:
    assert not is_collective_failure(failed(raising(error)))


def test_a_store_that_nobody_opens_fails_as_a_collective() -> None:
    """Slow to say so: a connection is tried again for a second."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address, port = silent.getsockname()
        patience = timedelta(milliseconds=100)
        store: Any = distributed.TCPStore  # type: ignore[attr-defined]  # torch's own, out of C++
        joining = partial(store, address, port, 2, False, patience)
        assert is_collective_failure(failed(joining))


@dataclass(frozen=True)
class TrainUntilTheOtherDies:
    """Sums over two ranks, of which the second is killed between two sums."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        distributed.init_process_group("gloo")
        for trial in trials:
            distributed.all_reduce(torch.ones(3))
            if distributed.get_rank() == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            distributed.all_reduce(torch.ones(3))
            yield Outcome(trial.number, "complete", 0.0)


class LateNews:
    """Processes of which nobody says that they were killed, as a cluster may not for a while."""

    def __init__(self, pool: ProcessPool) -> None:
        self.slots, self.start, self.close = pool.slots, pool.start, pool.close
        self._pool = pool

    def wait(self, workers: Collection[Worker], timeout: float) -> Collection[Worker]:
        return _not_killed(self._pool.wait(_not_killed(workers), timeout))


def _not_killed(workers: Collection[Worker]) -> list[Worker]:
    own = [worker for worker in workers if isinstance(worker, ProcessWorker)]
    return [worker for worker in own if worker.how_it_ended != "was ended by SIGKILL"]


@pytest.mark.slow
def test_a_rank_that_is_killed_loses_the_trial_before_its_death_is_known() -> None:
    """Slow: a process that imports torch has to be started."""
    places = slots(["cpu"] * 2, per_device=1, devices_per_trial=2)
    pool = ProcessPool(pickle.dumps(TrainUntilTheOtherDies()), places)
    (outcome,) = crew.run(LateNews(pool), finite(1), go_on, deadline=60.0)
    assert outcome.reason.startswith(f"{LOST}: the worker on device cpu (rank 0 of 2)")
    assert "gloo/transport" in outcome.reason
