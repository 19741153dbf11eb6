"""Where a fork is not safe, workers are spawned, and are as good."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from regsearch.engines.forking import can_fork
from regsearch.engines.processes import ProcessEngine
from regsearch.testing.train_functions import finite, go_on
from regsearch.testing.worker_train_functions import FATAL
from regsearch.testing.workers import the_one_that_failed
from regsearch.trials import LOST, OnReport, Outcome, Trial


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
