"""Train functions that the laws of engines with workers are tried on: deaths, hangs, ranks.

Each is a frozen dataclass or a function of this file's top level, so that it pickles.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from regsearch.testing.train_functions import expected_outcome, expected_report
from regsearch.trials import OnReport, Outcome, Report, Trial

FATAL = 1  # the number of the trial that something happens to
PATIENCE = 120.0  # seconds after which waiting for another process is given up

Fate = Literal["killed", "stopped", "exit", "raises", "out of memory"]


def meet(fate: Fate) -> None:
    """Has something happen to this process."""
    match fate:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "exit":
            sys.exit(3)
        case "raises":
            raise ValueError("on purpose")
        case "out of memory":
            raise MemoryError(f"in process {os.getpid()}")


@dataclass(frozen=True)
class TrainMeeting:
    """Meets a fate in trial `FATAL`, after its first report; tells its process in each value.

    With several ranks only the last one does, while the others wait for it.
    """

    fate: Fate

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            on_report(expected_report(trial.number, 0))
            if trial.number == FATAL:
                if is_last_rank():
                    meet(self.fate)
                time.sleep(PATIENCE)
            yield Outcome(trial.number, "complete", float(os.getpid()))


@dataclass(frozen=True)
class TrainTogether:
    """Ends the first trials only when so many are being trained at the same time."""

    folder: Path
    count: int

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            (self.folder / str(trial.number)).touch()
            wait_for(lambda: len(list(self.folder.iterdir())) >= self.count)
            yield expected_outcome(trial.number)


@dataclass(frozen=True)
class TrainNoting:
    """Has each rank write down its trials, and what it is answered, in a file of its own."""

    folder: Path

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        with (self.folder / os.environ["RANK"]).open("a", encoding="utf-8", buffering=1) as notes:
            for trial in trials:
                print(trial, file=notes)
                for step in range(3):
                    metrics = {"val_loss": 0.0, "rank": float(os.environ["RANK"])}
                    stop = on_report(Report(trial.number, step, metrics))
                    print(step, stop, file=notes)
                    if stop:
                        break
                self._await_the_other(trial)
                yield Outcome(trial.number, "pruned" if stop else "complete", 0.0)
            print("end", file=notes)

    def _await_the_other(self, trial: Trial) -> None:
        """Waits until the other rank has come to a trial, as ranks that compute together do."""
        notes = self.folder / str(1 - int(os.environ["RANK"]))
        wait_for(lambda: notes.exists() and str(trial) in notes.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class TrainWithChild:
    """Starts a process of its own, as data loaders do.

    Leaves a file named after the id of each in `folder`; the child's holds its parent's id.
    """

    folder: Path

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        child = multiprocessing.Process(target=time.sleep, args=(PATIENCE,))
        child.start()
        (self.folder / str(os.getpid())).touch()
        (self.folder / str(child.pid)).write_text(str(os.getpid()))
        for trial in trials:
            yield expected_outcome(trial.number)


def train_telling_the_environment(
    trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Says in each outcome what variables its process has."""
    for trial in trials:
        variables = "\n".join(f"{name}={value}" for name, value in os.environ.items())
        yield Outcome(trial.number, "complete", 0.0, {}, variables)


def train_telling_the_modules(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Says in each outcome what its process has imported."""
    for trial in trials:
        yield Outcome(trial.number, "complete", 0.0, {}, "\n".join(sys.modules))


def train_with_large_reports(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Sends a megabyte or so in each report."""
    for trial in trials:
        on_report(Report(trial.number, 0, {f"metric {k}": float(k) for k in range(50_000)}))
        yield expected_outcome(trial.number)


def train_giving_what_does_not_pickle(
    trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    """Ends every second trial with something that cannot be sent."""
    for trial in trials:
        outcome = expected_outcome(trial.number)
        unsendable = Outcome(trial.number, "complete", 0.0, {"val_loss": lambda: 0.0})  # type: ignore[dict-item]  # the point
        yield unsendable if trial.number % 2 else outcome


def is_last_rank() -> bool:
    """Tells whether this process is the only rank, or the last one."""
    return int(os.environ.get("RANK", "0")) == int(os.environ.get("WORLD_SIZE", "1")) - 1


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds, or raises TimeoutError after `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("What was waited for did not happen.")
        time.sleep(0.01)
