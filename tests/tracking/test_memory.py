from collections.abc import Mapping
from pathlib import Path

from regsearch.testing.trackers import TrackerLaws
from regsearch.tracking.base import StudyCard, StudyTracker, Tracker
from regsearch.tracking.memory import MemoryTracker
from regsearch.trials import Outcome, Report, Trial


class TestMemoryTracker(TrackerLaws):
    def make(self, folder: Path) -> Tracker:
        return MemoryTracker()

    def states(self, tracker: Tracker, folder: Path) -> Mapping[int, str]:
        assert isinstance(tracker, MemoryTracker)
        ended = {number: str(outcome.state) for number, outcome in tracker.outcomes.items()}
        interrupted = dict.fromkeys(tracker.interrupted, "interrupted")
        return dict.fromkeys(tracker.trials, "running") | ended | interrupted

    def values(self, tracker: Tracker, folder: Path, trial: int, metric: str) -> list[float]:
        assert isinstance(tracker, MemoryTracker)
        return [report.metrics[metric] for report in tracker.reports[trial]]


def test_keeps_what_it_is_told() -> None:
    tracker = MemoryTracker()
    study = StudyCard("s", "val_loss", "minimize", 2, note="Why?")
    trial, report = Trial(0, {"penalty": "none", "lam": 0.0}, seed=0), Report(0, 0, {"val_loss": 1})
    outcome = Outcome(0, "complete", 1.0)
    tracker.open(study)
    tracker.start(trial)
    tracker.log(report)
    tracker.finish(outcome)
    tracker.summarize("Because.", {"trials.csv": "number\n0\n"})
    assert isinstance(tracker, StudyTracker)
    assert (tracker.study, tracker.trials, tracker.reports) == (study, {0: trial}, {0: [report]})
    assert (tracker.outcomes, tracker.note) == ({0: outcome}, "Because.")
    assert tracker.files == {"trials.csv": "number\n0\n"}
    tracker.summarize("More.", {"report.html": "<p>"})
    assert (tracker.note, sorted(tracker.files)) == ("More.", ["report.html", "trials.csv"])
    assert (tracker.run_id(0), tracker.run_id(1), tracker.url) == ("0", None, None)
    assert not tracker.closed


def test_another_study_starts_afresh() -> None:
    tracker = MemoryTracker()
    tracker.open(StudyCard("a", "val_loss", "minimize", 1))
    tracker.start(Trial(0, {}, seed=0))
    tracker.open(StudyCard("b", "val_loss", "minimize", 1))
    assert tracker.trials == {}
