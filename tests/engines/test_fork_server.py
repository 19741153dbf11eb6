"""Where a fork is not safe, workers are spawned, and are as good."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.reduction import sendfds
from typing import Any

import pytest

from regsearch.engines.fork_server import serve_forks
from regsearch.engines.forking import can_fork
from regsearch.engines.process_orders import Start, Started
from regsearch.engines.process_seat import Seat
from regsearch.engines.processes import ProcessEngine
from regsearch.testing.train_functions import finite, go_on, train
from regsearch.testing.worker_train_functions import FATAL
from regsearch.testing.workers import the_one_that_failed
from regsearch.trials import LOST, OnReport, Outcome, Trial

GPUS_AT_IMPORT = os.environ.get("CUDA_VISIBLE_DEVICES")


@dataclass
class TrainWithThread:
    """Starts a thread wherever it is loaded, and tells how many there are; dies in one trial."""

    name: str = "at work"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            if trial.number == FATAL:
                os.kill(os.getpid(), signal.SIGKILL)
            yield Outcome(trial.number, "complete", float(threading.active_count()))


def test_a_process_with_threads_is_not_forked() -> None:
    ending = threading.Event()
    thread = threading.Thread(target=ending.wait)
    thread.start()
    assert not can_fork()
    ending.set()
    thread.join()


def test_spawned_workers_serve_and_are_replaced() -> None:
    """A forked worker would have lost the fork server's thread."""
    outcomes = list(ProcessEngine(["cpu"]).run(TrainWithThread(), finite(3), go_on))
    lost = the_one_that_failed(outcomes)
    assert lost.reason.startswith(f"{LOST}: ")
    assert lost.reason.endswith("was ended by SIGKILL")
    assert [outcome.value for outcome in outcomes] == [2.0, None, 2.0]


class TrainTellingItsGpus(TrainWithThread):
    """Tells which GPUs its process could see when it imported this file."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            yield Outcome(trial.number, "failed", None, error=f"GPUs: {GPUS_AT_IMPORT!r}")


def test_a_spawned_worker_sees_its_own_gpus_from_the_first_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    (outcome,) = ProcessEngine(["cpu"]).run(TrainTellingItsGpus(), finite(1), go_on)
    assert outcome.error == "GPUs: ''"


def test_a_coordinator_that_leaves_as_a_worker_ends_is_no_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    control, theirs = Pipe()
    channels, their_channels = socket.socketpair()
    arguments = (theirs, their_channels, pickle.dumps(train), os.getpid())
    server = get_context("spawn").Process(target=serve_forks, args=arguments)
    server.start()
    theirs.close()
    own, their_own = socket.socketpair()
    with own, their_own, channels, their_channels:
        control.send(Start(0, Seat("device 0", 0, {})))
        sendfds(channels, [their_own.fileno()])
        started = control.recv()
        assert isinstance(started, Started)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        os.kill(started.pid, signal.SIGKILL)
        control.close()
        os.kill(server.pid, signal.SIGCONT)
        server.join()
    assert (server.exitcode, capfd.readouterr().err) == (0, "")
