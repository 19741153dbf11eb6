"""What a study tells its tracker, and the person in front of it."""

from __future__ import annotations

import pytest

from regsearch.tracking.memory import MemoryTracker
from regsearch.trials import Outcome, Report, Trial
from tests.search.toys import DB, go, study, trained


def test_trackers_are_told_everything() -> None:
    tracker = MemoryTracker()
    go(study(6, storage=None), tracker=tracker)
    assert tracker.study is not None
    assert tracker.study.params["space.penalties"] == "l1, l2, elastic_net"
    assert "lowest `val_loss`" in tracker.study.note
    assert sorted(tracker.outcomes) == list(range(6))
    assert "| none | 0 |" in tracker.note
    assert tracker.files["trials.csv"].count("\n") == 7
    assert tracker.closed


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def start(self, trial: Trial) -> None:
        self.heard.append("start")

    def log(self, report: Report) -> None:
        self.heard.append("log")

    def finish(self, outcome: Outcome) -> None:
        self.heard.append("finish")

    def close(self) -> None:
        self.heard.append("close")


def test_a_tracker_of_trials_alone_will_do() -> None:
    listener = Listener()
    result = go(study(2, storage=None), tracker=listener)
    assert listener.heard.count("finish") == 2
    assert listener.heard[-1] == "close"
    assert result.url is None
    assert result.best.run_id is None


def test_prints_lines_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    study(40, storage=DB).run(train=trained(), tracker=MemoryTracker())
    lines = capsys.readouterr().out.splitlines()
    progress = [line for line in lines if " trials: " in line]
    assert 5 <= len(progress) <= 21
    assert progress[-1].startswith("40/40 trials:")
    assert any("elastic_net" in line and "25.0%" in line for line in lines)
    assert f"Trials: {DB}" in lines


def test_says_nothing_when_asked_to(capfd: pytest.CaptureFixture[str]) -> None:
    go(study(3, storage=DB))
    assert capfd.readouterr() == ("", "")
