"""Which trained weights stay on disk: those of the best trial so far, and no others."""

from __future__ import annotations

import warnings
from pathlib import Path

from regsearch.search.records import Record
from regsearch.trials import Direction, Outcome, Report, Trial

SHARE = (
    "Trials that train on other machines save them there, under the same path: all machines must "
    "share this folder. Start the study in a shared one."
)


class MissingWeightsWarning(UserWarning):
    """The weights of a complete trial are not where the study looks for them."""


class KeepBest:
    """A tracker that deletes the weights of trials that have ended and are not the best.

    Trials that still run are left alone: a train function saves before it gives its outcome.

    Args:
        folder: Where a train function saves `<number>.pt`; made if it is missing, and freed of what
            a process that died left there.
        direction: "minimize" or "maximize" the value.
        best: The best trial so far; None if there is none.
        expects_weights: Whether the train function saves each complete trial's weights, so that
            those that are missing are warned of, once.
    """

    def __init__(
        self,
        folder: Path,
        direction: Direction,
        best: Record | None,
        *,
        expects_weights: bool = False,
    ) -> None:
        self._folder = folder
        self._expects_weights = expects_weights
        self._sign = 1.0 if direction == "minimize" else -1.0
        self._best: tuple[float, int] | None = None
        if best is not None and best.value is not None:
            self._best = (self._sign * best.value, best.number)
        folder.mkdir(parents=True, exist_ok=True)
        for file in (*folder.glob("*.pt"), *folder.glob("*.part")):  # the latter of a killed save
            if best is None or file.name != f"{best.number}.pt":
                file.unlink(missing_ok=True)

    def start(self, trial: Trial) -> None:
        """Has nothing to do."""

    def log(self, report: Report) -> None:
        """Has nothing to do."""

    def finish(self, outcome: Outcome) -> None:
        """Deletes the trial's weights, or those of the best trial before it."""
        loser: int | None = outcome.number
        if outcome.state == "complete" and self._expects_weights:
            self._expects_weights = self._finds(outcome.number)
        if outcome.state == "complete" and outcome.value is not None:
            rank = (self._sign * outcome.value, outcome.number)  # the earliest of equals is best
            if self._best is None or rank < self._best:
                loser = None if self._best is None else self._best[1]
                self._best = rank
        if loser is not None:
            weights_file(self._folder, loser).unlink(missing_ok=True)

    def close(self) -> None:
        """Has nothing to do."""

    def _finds(self, number: int) -> bool:
        file = weights_file(self._folder, number)
        if file.exists():
            return True
        warnings.warn(
            f"The weights of trial {number} must be in {file}, where best_module() looks for them, "
            f"but are not. {SHARE}",
            MissingWeightsWarning,
            stacklevel=2,
        )
        return False


def weights_file(folder: Path, number: int) -> Path:
    """Returns where a trial's weights are."""
    return folder / f"{number}.pt"
