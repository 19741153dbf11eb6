"""Everybody who is told of a study's trials, as one tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regsearch.tracking.base import StudyCard, StudyTracker, Tracker
from regsearch.trials import Outcome, Report, Trial


@dataclass(frozen=True)
class Watchers:
    """Passes on what it is told to each tracker in turn."""

    trackers: Sequence[Tracker]

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        for tracker in self.trackers:
            tracker.start(trial)

    def log(self, report: Report) -> None:
        """A trial has finished a validation epoch."""
        for tracker in self.trackers:
            tracker.log(report)

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended."""
        for tracker in self.trackers:
            tracker.finish(outcome)

    def close(self) -> None:
        """The study has ended or was interrupted."""
        for tracker in self.trackers:
            tracker.close()


@dataclass(frozen=True)
class Bare:
    """Makes a study's tracker of one that only listens to trials."""

    tracker: Tracker

    def open(self, study: StudyCard) -> None:
        """Says nothing of the study."""

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        self.tracker.start(trial)

    def log(self, report: Report) -> None:
        """A trial has finished a validation epoch."""
        self.tracker.log(report)

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended."""
        self.tracker.finish(outcome)

    def summarize(self, note: str, files: Mapping[str, str]) -> None:
        """Says nothing of the study."""

    def close(self) -> None:
        """The study has ended or was interrupted."""
        self.tracker.close()

    def run_id(self, number: int) -> str | None:
        """Knows no ids."""
        return None

    @property
    def url(self) -> str | None:
        """Knows no address."""
        return None


def of_study(tracker: Tracker) -> StudyTracker:
    """Returns the tracker itself if it also writes down studies, else one in a `Bare`."""
    return tracker if isinstance(tracker, StudyTracker) else Bare(tracker)
