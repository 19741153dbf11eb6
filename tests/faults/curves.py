"""What studies train that are to be struck: nothing, until one waits for it.

This file imports next to nothing, so that worker processes are there at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regsearch.trials import OnReport, Outcome, Report, Trial

EPOCHS = 4
WAITS_IN = 2


@dataclass(frozen=True)
class Curves:
    """A train function that trains nothing, and waits in one trial's first attempt.

    Attributes:
        folder: Where the process that waits leaves its id, in a file of the trial's number.
        waits_in: The trial; none if it is below 0.
        seconds: How long each epoch takes.
    """

    folder: Path
    waits_in: int = -1
    seconds: float = 0.0

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            yield self._train(trial, on_report)

    def _train(self, trial: Trial, on_report: OnReport) -> Outcome:
        metrics: dict[str, float] = {}
        for step in range(EPOCHS):
            time.sleep(self.seconds)
            metrics = {"val_loss": 1.0 / (step + 1) + trial.number}
            if on_report(Report(trial.number, step, metrics)):
                return Outcome(trial.number, "pruned", metrics["val_loss"], metrics)
            if trial.number == self.waits_in and step == 1:
                wait_to_be_struck(self.folder / str(trial.number))
        return Outcome(trial.number, "complete", metrics["val_loss"], metrics)


def wait_to_be_struck(file: Path) -> None:
    """Leaves this process's id in a file, whole, and does nothing any more."""
    partial = file.with_suffix(".part")
    partial.write_text(str(os.getpid()))
    partial.rename(file)
    time.sleep(600)


def struck_process(number: int = WAITS_IN, seconds: float = 180.0) -> int:
    """Waits until a process waits in a trial, and returns its id."""
    until(Path(str(number)).exists, seconds)
    return int(Path(str(number)).read_text())


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def is_gone(process: int) -> bool:
    """Tells whether a process has ended, be it a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
