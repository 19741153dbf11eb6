"""The tracker that keeps everything in this process: for tests, notebooks and a quick look."""

from __future__ import annotations

from collections.abc import Mapping

from regsearch.tracking.base import StudyCard
from regsearch.trials import Outcome, Report, Trial


class MemoryTracker:
    """Keeps a study in lists and dictionaries.

    Attributes:
        study: What was said of the study; None if nothing was.
        trials: The trials started, by number; of a trial's attempts the last one.
        reports: The reports of each trial's last attempt, in order.
        outcomes: How the trials ended, by number.
        interrupted: Numbers of the trials that had no outcome when the tracker was closed.
        note: The summary's text.
        files: The summary's files, by name.
        closed: Whether the study has ended.

    Example:
        >>> from regsearch.trials import Outcome, Report, Trial
        >>> tracker = MemoryTracker()
        >>> tracker.start(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0))
        >>> tracker.log(Report(0, 0, {"val_loss": 0.5}))
        >>> tracker.finish(Outcome(0, "complete", 0.5))
        >>> [report.metrics["val_loss"] for report in tracker.reports[0]]
        [0.5]
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.study: StudyCard | None = None
        self.trials: dict[int, Trial] = {}
        self.reports: dict[int, list[Report]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.interrupted: list[int] = []
        self.note = ""
        self.files: dict[str, str] = {}
        self.closed = False

    def open(self, study: StudyCard) -> None:
        """A study begins, or goes on with what is known of it."""
        if self.study is not None and self.study.name != study.name:
            self._clear()
        self.study = study
        self.closed = False

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        if self.closed or self.trials.get(trial.number) == trial:
            return
        self.trials[trial.number] = trial
        self.reports[trial.number] = []
        self.outcomes.pop(trial.number, None)

    def log(self, report: Report) -> None:
        """A trial has finished a validation epoch."""
        if self._runs(report.trial):
            self.reports[report.trial].append(report)

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended; the first outcome counts."""
        if self._runs(outcome.number):
            self.outcomes[outcome.number] = outcome

    def _runs(self, number: int) -> bool:
        return not self.closed and number in self.trials and number not in self.outcomes

    def summarize(self, note: str, files: Mapping[str, str]) -> None:
        """The study has been evaluated."""
        if not self.closed:
            self.note = note
            self.files.update(files)

    def close(self) -> None:
        """The study has ended or was interrupted."""
        self.closed = True
        self.interrupted = [number for number in self.trials if number not in self.outcomes]

    def run_id(self, number: int) -> str | None:
        """Returns the trial's number as text; None if it was never started."""
        return str(number) if number in self.trials else None

    @property
    def url(self) -> str | None:
        """None: memory has no address."""
        return None
