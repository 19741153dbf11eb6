"""The laws every tracker keeps; a plug-in's tests subclass them and say how to make and read it.

Example:
    class TestMyTracker(TrackerLaws):
        def make(self, folder: Path) -> Tracker:
            return MyTracker(folder / "my.db")

        def states(self, tracker: Tracker, folder: Path) -> Mapping[int, str]:
            return read_states(folder / "my.db")

        def values(self, tracker: Tracker, folder: Path, trial: int, metric: str) -> list[float]:
            return read_values(folder / "my.db", trial, metric)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from regsearch.tracking.base import StudyCard, StudyTracker, Tracker
from regsearch.trials import Histogram, Outcome, Report, Trial

ODD_NAMES = (
    "plain",
    "a/b//c",
    "../up",
    "quote'\"`",
    "new\nline",
    "naïve λ 权重 🙂",
    "x" * 300,
    "[0]%$&=?",
    "lone \ud800 surrogate",
)


class TrackerLaws:
    """Laws of a `Tracker`; those of a study run only where it is a `StudyTracker`."""

    def make(self, folder: Path) -> Tracker:
        """Returns a new tracker that keeps what it writes below `folder`."""
        raise NotImplementedError("A subclass of TrackerLaws must define make(folder).")

    def states(self, tracker: Tracker, folder: Path) -> Mapping[int, str]:
        """Returns how each trial stands in the store, by number.

        "complete", "pruned", "failed", "interrupted" (ended without an outcome) or "running".
        """
        raise NotImplementedError("A subclass of TrackerLaws must define states(tracker, folder).")

    def values(self, tracker: Tracker, folder: Path, trial: int, metric: str) -> list[float]:
        """Returns what the store holds of a trial's metric, in the order of steps."""
        raise NotImplementedError("A subclass of TrackerLaws must define values(...).")

    def test_making_one_writes_nothing(self, tmp_path: Path) -> None:
        """A tracker that is never used leaves no trace."""
        before = set(tmp_path.rglob("*"))
        self.make(tmp_path)
        assert set(tmp_path.rglob("*")) == before

    def test_each_trial_ends_as_its_outcome_says(self, tmp_path: Path) -> None:
        """And one without an outcome is interrupted: nothing runs on after close."""
        tracker = _opened(self.make(tmp_path))
        for number in range(4):
            tracker.start(_trial(number))
            tracker.log(_report(number, 0))
        tracker.finish(Outcome(0, "complete", 0.5))
        tracker.finish(Outcome(1, "pruned", 0.5))
        tracker.finish(Outcome(2, "failed", None, {}, "Traceback\nValueError: no"))
        tracker.close()
        expected = {0: "complete", 1: "pruned", 2: "failed", 3: "interrupted"}
        assert dict(self.states(tracker, tmp_path)) == expected

    def test_reports_are_kept_in_order(self, tmp_path: Path) -> None:
        """Also those of trials that run side by side, and values that are not numbers."""
        tracker = _opened(self.make(tmp_path))
        values = [0.5, math.nan, 0.25]
        for number in (0, 1):
            tracker.start(_trial(number))
        for step, value in enumerate(values):
            for number in (0, 1):
                tracker.log(Report(number, step, {"val_loss": value + number, "acc": math.inf}))
        tracker.close()
        for number in (0, 1):
            kept = self.values(tracker, tmp_path, number, "val_loss")
            assert [str(value) for value in kept] == [str(value + number) for value in values]

    def test_what_makes_no_sense_is_ignored(self, tmp_path: Path) -> None:
        """Unknown trials, a second start, a second outcome, everything after close."""
        tracker = _opened(self.make(tmp_path))
        tracker.log(_report(7, 0))
        tracker.finish(Outcome(7, "complete", 0.5))
        tracker.start(_trial(0))
        tracker.log(_report(0, 0))
        tracker.start(_trial(0))
        tracker.finish(Outcome(0, "complete", 0.5))
        tracker.finish(Outcome(0, "failed", None, {}, "late"))
        tracker.log(_report(0, 1))
        tracker.close()
        tracker.start(_trial(8))
        tracker.log(_report(0, 2))
        tracker.finish(Outcome(8, "complete", 0.5))
        tracker.close()
        assert dict(self.states(tracker, tmp_path)) == {0: "complete"}
        assert self.values(tracker, tmp_path, 0, "val_loss") == [1.0]

    def test_names_may_be_any_text(self, tmp_path: Path) -> None:
        """Metrics, parameters, params and their values, studies, files, errors."""
        histogram = Histogram((0,) * 30 + (1, 2, 3, 4) + (0,) * 30, 1.0, 5)
        tracker = _opened(self.make(tmp_path), name="\n".join(ODD_NAMES))
        params = {**dict.fromkeys(ODD_NAMES, "\n".join(ODD_NAMES)), "penalty": "of my own"}
        tracker.start(Trial(0, params, seed=0))
        metrics = {name: float(i) for i, name in enumerate(ODD_NAMES)}
        tracker.log(Report(0, 0, metrics, dict.fromkeys(ODD_NAMES, histogram)))
        tracker.finish(Outcome(0, "failed", None, metrics, "\n".join(ODD_NAMES)))
        if isinstance(tracker, StudyTracker):
            tracker.summarize("\n".join(ODD_NAMES), dict.fromkeys(ODD_NAMES, "text"))
        tracker.close()
        assert dict(self.states(tracker, tmp_path)) == {0: "failed"}
        assert self.values(tracker, tmp_path, 0, "plain") == [0.0]

    def test_a_study_goes_on(self, tmp_path: Path) -> None:
        """A tracker that was closed can be opened again, and adds to what it wrote."""
        tracker = self.make(tmp_path)
        for number in (0, 1):
            _opened(tracker)
            tracker.start(_trial(number))
            tracker.log(_report(number, 0))
            tracker.finish(Outcome(number, "complete", 0.5))
            tracker.close()
        if isinstance(tracker, StudyTracker):
            assert dict(self.states(tracker, tmp_path)) == {0: "complete", 1: "complete"}

    def test_a_retry_takes_the_place_of_the_lost_attempt(self, tmp_path: Path) -> None:
        """The number stands for the last attempt; the one before does not run on."""
        tracker = _opened(self.make(tmp_path))
        tracker.start(_trial(0))
        tracker.log(_report(0, 0))
        tracker.start(_trial(0, attempt=1))
        tracker.log(Report(0, 0, {"val_loss": 0.125}))
        tracker.finish(Outcome(0, "complete", 0.125))
        tracker.close()
        assert dict(self.states(tracker, tmp_path)) == {0: "complete"}
        assert self.values(tracker, tmp_path, 0, "val_loss") == [0.125]

    def test_it_works_without_open(self, tmp_path: Path) -> None:
        """A search that knows only `Tracker` calls start, log, finish and close."""
        tracker = self.make(tmp_path)
        tracker.start(_trial(0))
        tracker.log(_report(0, 0))
        tracker.finish(Outcome(0, "complete", 1.0))
        tracker.close()
        assert dict(self.states(tracker, tmp_path)) == {0: "complete"}

    def test_an_empty_study_is_fine(self, tmp_path: Path) -> None:
        """Closed before anything happened, twice, and without being opened."""
        self.make(tmp_path).close()
        tracker = _opened(self.make(tmp_path))
        if isinstance(tracker, StudyTracker):
            assert tracker.run_id(0) is None
        tracker.close()
        tracker.close()
        assert dict(self.states(tracker, tmp_path)) == {}


def _opened(tracker: Tracker, name: str = "laws") -> Tracker:
    if isinstance(tracker, StudyTracker):
        tracker.open(StudyCard(name, "val_loss", "minimize", 4, {"space": "l1"}, "Why?"))
    return tracker


def _trial(number: int, attempt: int = 0) -> Trial:
    return Trial(number, {"penalty": "l1", "lam": 0.01}, seed=0, attempt=attempt)


def _report(number: int, step: int) -> Report:
    return Report(number, step, {"val_loss": 1.0 + step})
