"""Which trained weights stay on disk: those of the best trial so far, and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regsearch.search.records import Record
from regsearch.trials import Outcome, Report, Trial


class KeepBest:
    """A tracker that deletes the weights of trials that have ended and are not the best.

    Trials that still run are left alone: a train function saves before it gives its outcome.

    Args:
        folder: Where a train function saves `<number>.pt`; made if it is missing, and freed of what
            a process that died left there.
        best: Returns the record of the best trial so far.
    """

    def __init__(self, folder: Path, best: Callable[[], Record | None]) -> None:
        self._folder = folder
        self._best = best
        self._kept = self._find_best()
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.pt"):
            if file.stem != str(self._kept):
                file.unlink()

    def start(self, trial: Trial) -> None:
        """Has nothing to do."""

    def log(self, report: Report) -> None:
        """Has nothing to do."""

    def finish(self, outcome: Outcome) -> None:
        """Deletes the trial's weights, or those of the best trial before it."""
        before, self._kept = self._kept, self._find_best()
        for number in {before, outcome.number} - {self._kept, None}:
            weights_file(self._folder, int(number or 0)).unlink(missing_ok=True)

    def close(self) -> None:
        """Has nothing to do."""

    def _find_best(self) -> int | None:
        best = self._best()
        return None if best is None else best.number


def weights_file(folder: Path, number: int) -> Path:
    """Returns where a trial's weights are."""
    return folder / f"{number}.pt"
