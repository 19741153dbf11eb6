"""The disk is full, and then it is not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regsearch.engines.inline import InlineEngine
from regsearch.search.errors import StorageError
from regsearch.search.result import StudyResult
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.tracking.trouble import TrackingWarning
from regsearch.trials import Outcome, Report, Trial
from tests.faults.coordinators import N_TRIALS, finished, study
from tests.faults.curves import EPOCHS, Curves
from tests.tracking.stores import history, runs

pytestmark = pytest.mark.slow  # databases, and a shipper that imports MLflow

CHUNK = 4096
PADDING = {f"padding/{i}": 0.1 * i for i in range(200)}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("needs the command mount")
    if done.returncode:
        pytest.skip(f"needs the right to mount a small disk: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leaves not one page of space."""
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * CHUNK)
        except OSError:
            return


class FillsUp(MemoryTracker):
    """Fills a disk when a trial has sent a report."""

    def __init__(self, disk: Path, number: int) -> None:
        super().__init__()
        self._disk = disk
        self._number = number

    def log(self, report: Report) -> None:
        super().log(report)
        if (report.trial, report.step) == (self._number, 1):
            fill(self._disk)


def test_a_full_disk_under_the_database_stops_the_study_which_then_goes_on(disk: Path) -> None:
    storage = f"sqlite:///{disk}/study.db"
    with pytest.raises(StorageError, match=r"study.db must be.*is full.*run the study again"):
        study(storage=storage).run(
            engine=InlineEngine(), train=Curves(Path.cwd()), tracker=FillsUp(disk, 2)
        )
    (disk / "ballast").unlink()
    table = finished(InlineEngine(), MemoryTracker(), storage=storage).trials.set_index("number")
    done = table[table["state"] != "failed"]
    assert len(done) == N_TRIALS
    assert not done.duplicated(["penalty", "lam", "l1_ratio"]).any()
    assert table.loc[2, "reason"].startswith("lost")


class FillsUpItsOwnDisk(MLflowTracker):
    """Finds its disk full from one trial to another; its reports do not fit into a page begun."""

    disk = Path()

    def log(self, report: Report) -> None:
        super().log(replace(report, metrics={**report.metrics, **PADDING}))

    def start(self, trial: Trial) -> None:
        if trial.number == 2:
            fill(self.disk)
        super().start(trial)

    def finish(self, outcome: Outcome) -> None:
        super().finish(outcome)
        if outcome.number == 3:
            (self.disk / "ballast").unlink()


def test_a_full_disk_under_the_spool_delays_what_mlflow_gets(disk: Path, uri: str) -> None:
    tracker = FillsUpItsOwnDisk(uri, spool=disk / "spool")
    tracker.disk = disk
    with pytest.warns(TrackingWarning, match="must be writable"):
        result = finished(InlineEngine(), tracker)
    check_complete(uri, result)
    (told,) = runs(uri, "study")
    assert "6 complete" in told.data.tags["mlflow.note.content"]
    assert "report.html" not in told.data.tags["mlflow.note.content"]  # there is no room for it


def check_complete(uri: str, result: StudyResult) -> None:
    """Every trial is there once, with every point once."""
    told = {int(run.data.tags["regsearch.number"]): run for run in runs(uri)}
    assert sorted(told) == result.trials["number"].tolist()
    assert len(runs(uri)) == N_TRIALS
    for number, run in told.items():
        assert run.info.status == "FINISHED"
        expected = [(step, 1.0 / (step + 1) + number) for step in range(EPOCHS)]
        assert history(uri, run.info.run_id, "val_loss") == expected
