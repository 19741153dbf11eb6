"""What a tracker is: the listener that writes a study down while it runs.

The search tells a `Tracker` of each trial's start, reports and end. A tracker never raises into the
search and never blocks it: whatever it writes to may be slow, full or gone. One that also wants to
know of the study as a whole (its question before, its table after) is a `StudyTracker`. The laws of
both ship as `regsearch.testing.TrackerLaws`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from regsearch.trials import Direction, Outcome, Report, Trial


@dataclass(frozen=True)
class StudyCard:
    """What a tracker is told of a study before its first trial.

    Attributes:
        name: The study's name, any text.
        monitor: The metric that is optimised.
        direction: "minimize" or "maximize".
        n_trials: How many trials the study goes on to.
        params: Further facts to store with the study: space, sampler, pruner, seed, ... as text.
        note: What the study asks, in markdown.
    """

    name: str
    monitor: str
    direction: Direction
    n_trials: int
    params: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@runtime_checkable
class Tracker(Protocol):
    """Listens to a study's trials; never raises into the search, never blocks it."""

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        ...

    def log(self, report: Report) -> None:
        """A trial has finished a validation epoch."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended."""
        ...

    def close(self) -> None:
        """The study has ended or was interrupted: write what is left. May be called twice."""
        ...


@runtime_checkable
class StudyTracker(Tracker, Protocol):
    """A tracker that also writes down the study as a whole."""

    def open(self, study: StudyCard) -> None:
        """A study begins or goes on; called once, before everything else."""
        ...

    def summarize(self, note: str, files: Mapping[str, str]) -> None:
        """A study has been evaluated; called before `close`, again when there is more to keep.

        Args:
            note: Question, space and the best of each kind, in markdown; takes the place of the
                note before.
            files: Text of the files to keep with the study, by file name; they join those before.
        """
        ...

    def run_id(self, number: int) -> str | None:
        """Returns the tracking store's own id of a trial; None while it has none."""
        ...

    @property
    def url(self) -> str | None:
        """Where people look at the study; None if nowhere."""
        ...
