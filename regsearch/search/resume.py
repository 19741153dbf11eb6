"""Where a trial that is tried again takes up: at a checkpoint of an attempt before, if any.

What is stored is the number of the trial that wrote the checkpoint, never its path: a path is made
of the study's folder and that number, so that nothing in a database names a file to load.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import FrozenTrial

from regsearch.search.records import RESUMES
from regsearch.training.checkpoints import checkpoint_path


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a study's unfinished trials.

    Attributes:
        folder: What the train function was given; see `checkpoint_path`.
    """

    folder: Path

    def resumed_by(self, trial: FrozenTrial) -> str | None:
        """Returns the checkpoint that a trial begins with; None if it begins anew."""
        number = resumed(trial)
        if number is None or not checkpoint_path(self.folder, number).exists():
            return None
        return str(checkpoint_path(self.folder, number))

    def left_by(self, trial: FrozenTrial) -> int | None:
        """Returns whose checkpoint a copy of a trial may begin with: its own is the furthest."""
        if checkpoint_path(self.folder, trial.number).exists():
            return trial.number
        return resumed(trial)

    def drop(self, trial: FrozenTrial, *, comes_again: bool) -> None:
        """Deletes what an ended trial wrote and began with, but for what a copy may begin with."""
        kept = self.left_by(trial) if comes_again else None
        for number in (trial.number, resumed(trial)):
            if number is not None and number != kept:
                checkpoint_path(self.folder, number).unlink(missing_ok=True)

    def keep_only(self, numbers: Container[int | None]) -> None:
        """Deletes what a process that died left behind, but for the trials of these numbers."""
        kept_in = checkpoint_path(self.folder, 0).parent
        for file in kept_in.glob("*"):
            if not (file.stem.isdecimal() and int(file.stem) in numbers):
                file.unlink()


def resumed(trial: FrozenTrial) -> int | None:
    """Returns the number of the trial whose checkpoint a trial begins with; None if it has none."""
    number = trial.user_attrs.get(RESUMES)
    return number if isinstance(number, int) else None
