"""Studies written into real MLflow databases, by what ships them, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from mlflow import MlflowClient

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.database import make_database
from regsearch.tracking.events import Event
from regsearch.tracking.progress import Progress
from regsearch.tracking.scribe import Scribe
from regsearch.tracking.store import Store
from regsearch.trials import Histogram, Outcome, Report, State, Trial
from tests.sharing import shared

CARD = StudyCard("digits", "val_loss", "minimize", 4, {"sampler": "grid"}, "Which?")
L1 = {"penalty": "l1", "lam": 0.01}


def empty_database(base: Path, folder: Path) -> str:
    """Returns the URI of a new database in a folder; making the first one takes seconds.

    Args:
        base: Where this process of pytest keeps its files; the first one is kept there, to be
            copied, or beside if there are other processes, for all of them.
        folder: Where the new one is.
    """
    template = shared(base) / "template" / "mlflow.db"
    make_database(template, lambda uri: MlflowClient(uri).search_experiments())
    shutil.copy(template, folder / "mlflow.db")
    return f"sqlite:///{folder / 'mlflow.db'}"


class Session:
    """One start of a study, as it is shipped.

    Args:
        uri: The store.
        card: The study.
        name: The session's own name; trials of one session are found again by it.
        experiment: The experiment.
    """

    def __init__(
        self, uri: str, card: StudyCard = CARD, name: str = "one", experiment: str = "regsearch"
    ) -> None:
        opening = events.opened(name, uri, experiment, card)
        self._scribe = Scribe(Store(uri, experiment), opening, Progress())
        self.tell([opening])

    def tell(self, told: Iterable[Event]) -> None:
        """Ships events."""
        for event in told:
            self._scribe.write(event)
        self._scribe.flush()

    def start(self, number: int, attempt: int = 0, **params: object) -> None:
        """Starts a trial."""
        chosen = params or L1
        self.tell([events.started(Trial(number, chosen, 0, attempt))])

    def report(self, number: int, values: Iterable[float], first: int = 0) -> None:
        """Reports a trial's losses, one after another, and a histogram that widens."""
        reports = [
            Report(number, step, {"val_loss": value, "acc": 1.0}, {"net.weight": histogram(step)})
            for step, value in enumerate(values, first)
        ]
        self.tell(events.reported(report) for report in reports)

    def finish(self, number: int, state: State = "complete", error: str = "") -> None:
        """Ends a trial."""
        self.tell([events.finished(Outcome(number, state, 0.5, {}, error))])

    def trial(
        self, number: int, *values: float, state: State = "complete", error: str = ""
    ) -> None:
        """Runs a trial from its start to its end."""
        self.start(number)
        self.report(number, values)
        self.finish(number, state, error)

    def close(self) -> None:
        """Ends the session."""
        self.tell([events.summarized("# Digits", {}), events.closed()])


def histogram(step: int) -> Histogram:
    """Returns 28 weights on a range that doubles at each of the first steps."""
    return Histogram((0,) * 28 + (1, 2, 3, 4, 5, 6, 7, 0) + (0,) * 28, 2.0 ** min(step, 2), step)
