"""The report at a study's end, and the one that is asked for."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from regsearch.search.reporting import REPORT, drawn
from regsearch.search.watchers import Bare
from regsearch.tracking.base import StudyCard
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.tracking.trouble import TrackingWarning
from regsearch.trials import Outcome, Report, Trial
from tests.search.test_telling import Listener
from tests.search.toys import DB, go, study, trained


class Keeper:
    """A tracker of studies that keeps the files it is given; `MemoryTracker` gets no pages."""

    url = None

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.files: dict[str, str] = {}

    def open(self, study: StudyCard) -> None: ...
    def start(self, trial: Trial) -> None: ...
    def log(self, report: Report) -> None: ...
    def finish(self, outcome: Outcome) -> None: ...
    def close(self) -> None: ...

    def summarize(self, note: str, files: Mapping[str, str]) -> None:
        self.notes.append(note)
        self.files.update(files)

    def run_id(self, number: int) -> str | None:
        return None


def test_a_tracker_gets_the_report_beside_the_table() -> None:
    keeper = Keeper()
    result = go(study(3, name="<b>&", storage=DB), tracker=keeper)
    assert sorted(keeper.files) == [REPORT, "trials.csv"]
    first, last = keeper.notes
    assert "report.html" not in first  # not drawn yet
    assert "3 trials: 3 complete, 0 pruned, 0 failed. All charts: `report.html`" in last
    assert "<b>&" not in keeper.files[REPORT]
    assert "&lt;b&gt;&amp;" in keeper.files[REPORT]
    assert result.report("again").read_text(encoding="utf-8") == keeper.files[REPORT]


def test_what_keeps_no_pages_gets_none() -> None:
    def never() -> None:
        raise AssertionError("Nothing may be drawn.")

    for tracker in (MemoryTracker(), Bare(Listener())):
        assert drawn(never, tracker, print) == {}


def test_a_bug_in_a_figure_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise KeyError("lam")

    with pytest.warns(TrackingWarning, match="report must be drawn, but got KeyError: 'lam'"):
        assert drawn(broken, Keeper(), print) == {}
    assert capsys.readouterr().out == "Drawing the report.\n"


def test_an_interrupted_study_draws_nothing() -> None:
    def stops(trial: Trial) -> None:
        raise KeyboardInterrupt

    keeper = Keeper()
    with pytest.raises(KeyboardInterrupt):
        go(study(3, storage=DB), train=trained(stops), tracker=keeper)
    assert keeper.files == {}


class Impatience(io.StringIO):
    """A screen in front of somebody who presses ctrl-C when a report is drawn."""

    presses = 1

    def write(self, text: str) -> int:
        if "Drawing" in text and self.presses:
            self.presses -= 1
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_while_the_report_is_drawn_costs_the_report_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper, screen = Keeper(), Impatience()
    monkeypatch.setattr(sys, "stdout", screen)
    with pytest.raises(KeyboardInterrupt, match="run it again"):
        study(3, storage=DB).run(train=trained(), tracker=keeper)
    assert list(keeper.files) == ["trials.csv"]
    (note,) = keeper.notes
    assert "3 trials: 3 complete" in note
    assert "report.html" not in note
    assert "the report is not drawn" in screen.getvalue()
    go(study(3, storage=DB), tracker=keeper)
    assert list(keeper.files) == ["trials.csv", REPORT]


def test_figures_are_there_for_a_notebook() -> None:
    figures = go(study(3, storage=None)).figures()
    assert "validation" in figures
    assert all(figure.layout.height > 0 for figure in figures.values())


def test_reports_go_where_they_are_sent(tmp_path: Path) -> None:
    result = go(study(2, storage=None))
    assert result.report("new/folder/page") == Path("new/folder/page.html")
    assert result.report(tmp_path / "page.htm") == tmp_path / "page.htm"
    assert result.report(str(tmp_path)) == tmp_path / "report.html"
    Path("file").touch()
    with pytest.raises(OSError, match="file/page.html cannot be.*another path"):
        result.report("file/page")


@pytest.mark.slow  # starts the process that ships
def test_the_report_lies_on_the_studys_run_and_is_named(
    uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = MLflowTracker(uri)
    study(3, storage=DB).run(train=trained(), tracker=tracker)
    said = capsys.readouterr().out.splitlines()
    assert "Drawing the report." in said
    (line,) = [line for line in said if line.startswith("Report: ")]
    file = Path(line.removeprefix("Report: "))
    assert file.name == REPORT
    assert "toy" in file.read_text(encoding="utf-8")
    assert (file.parent / "trials.csv").exists()
