"""Which trained weights stay on disk: those of the best trial so far, and no others."""

from __future__ import annotations

from pathlib import Path

from regsearch.search.records import Record
from regsearch.trials import Direction, Outcome, Report, Trial


class KeepBest:
    """A tracker that deletes the weights of trials that have ended and are not the best.

    Trials that still run are left alone: a train function saves before it gives its outcome.

    Args:
        folder: Where a train function saves `<number>.pt`; made if it is missing, and freed of what
            a process that died left there.
        direction: "minimize" or "maximize" the value.
        best: The best trial so far; None if there is none.
    """

    def __init__(self, folder: Path, direction: Direction, best: Record | None) -> None:
        self._folder = folder
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._best: tuple[float, int] | None = None
        if best is not None and best.value is not None:
            self._best = (self._sign * best.value, best.number)
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.pt"):
            if best is None or file.stem != str(best.number):
                file.unlink()

    def start(self, trial: Trial) -> None:
        """Has nothing to do."""

    def log(self, report: Report) -> None:
        """Has nothing to do."""

    def finish(self, outcome: Outcome) -> None:
        """Deletes the trial's weights, or those of the best trial before it."""
        loser: int | None = outcome.number
        if outcome.state == "complete" and outcome.value is not None:
            rank = (self._sign * outcome.value, outcome.number)  # the earliest of equals is best
            if self._best is None or rank < self._best:
                loser = None if self._best is None else self._best[1]
                self._best = rank
        if loser is not None:
            weights_file(self._folder, loser).unlink(missing_ok=True)

    def close(self) -> None:
        """Has nothing to do."""


def weights_file(folder: Path, number: int) -> Path:
    """Returns where a trial's weights are."""
    return folder / f"{number}.pt"
