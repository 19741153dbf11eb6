"""What must survive: a server that is down, killed or refusing, a study killed, a disk full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient

from regsearch.tracking.base import StudyCard
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.tracking.spool import spools
from regsearch.tracking.trouble import TrackingWarning
from regsearch.trials import Outcome, Report, Trial
from tests.tracking.stores import Server, by_number, history, runs, states

CHECKOUT = Path(__file__).parents[2]
SPOOL = Path(".regsearch/spool")

pytestmark = pytest.mark.slow  # processes and servers that import MLflow, started and killed


def _card(name: str = "outage") -> StudyCard:
    return StudyCard(name, "val_loss", "minimize", 3)


def _trial(tracker: MLflowTracker, number: int, *, steps: int = 4) -> None:
    tracker.start(Trial(number, {"penalty": "l1", "lam": 0.1}, seed=0))
    for step in range(steps):
        tracker.log(Report(number, step, {"val_loss": 1.0 + step, "nan": float("nan")}))
    tracker.finish(Outcome(number, "complete", 0.5))


def _check_exact(uri: str, numbers: range, *, steps: int = 4) -> None:
    """Every trial once, every point once."""
    assert states(uri) == dict.fromkeys(numbers, "complete")
    assert len(runs(uri)) == len(numbers)
    for run in by_number(uri).values():
        expected = [(step, 1.0 + step) for step in range(steps)]
        assert history(uri, run.info.run_id, "val_loss") == expected
        assert len(history(uri, run.info.run_id, "nan")) == steps


def _until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def _shippers() -> list[int]:
    """Returns the processes that write the logs of spools below the working directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdecimal()
                and SPOOL.absolute() in (entry / "fd" / "1").readlink().parents
            ):
                found.append(int(entry.name))
        except OSError:
            continue  # it has just ended
    return found


@contextmanager
def _study_process(uri: str, body: str) -> Iterator[subprocess.Popen[str]]:
    """Runs a study in a process of its own; it has printed "ready" when the block begins."""
    program = f"""
        import time
        from regsearch.tracking.base import StudyCard
        from regsearch.tracking.mlflow import MLflowTracker
        from regsearch.trials import Outcome, Report, Trial
        tracker = MLflowTracker({uri!r}, patience=1.0)
        tracker.open(StudyCard("outage", "val_loss", "minimize", 3))
        {body}
        print("ready", flush=True)
        time.sleep(600)
    """
    arguments = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_study_killed_at_once_leaves_nothing_running(uri: str) -> None:
    body = 'tracker.start(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0))'
    with _study_process(uri, body) as process:
        _until(lambda: states(uri) == {0: "running"})
        (shipper,) = _shippers()
        os.kill(shipper, signal.SIGINT)  # a ctrl-C is the study's business
        process.send_signal(signal.SIGKILL)
        _until(lambda: spools(SPOOL) == [] and _shippers() == [])
    assert states(uri) == {0: "interrupted"}
    assert runs(uri)[0].data.tags["regsearch.reason"] == "lost"
    assert [run.info.status for run in runs(uri, "study")] == ["KILLED"]
    tracker = MLflowTracker(uri)
    tracker.open(_card())
    _trial(tracker, 1)
    tracker.summarize("Done.", {})
    tracker.close()
    assert states(uri) == {0: "interrupted", 1: "complete"}
    assert [run.info.status for run in runs(uri, "study")] == ["FINISHED"]


def test_what_a_killed_study_and_its_shipper_left_is_shipped_later(uri: str) -> None:
    body = 'tracker.start(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0))'
    with _study_process(uri, body) as process:
        _until(lambda: states(uri) == {0: "running"})
        os.kill(_shippers()[0], signal.SIGKILL)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert states(uri) == {0: "running"}
    tracker = MLflowTracker(uri)
    tracker.open(_card())
    _trial(tracker, 1)
    tracker.close()
    assert states(uri) == {0: "interrupted", 1: "complete"}
    assert spools(SPOOL) == []


def test_a_server_that_comes_and_goes_gets_everything_once(server: Server) -> None:
    """Down for a whole session, killed in the middle of the next one."""
    with pytest.warns(TrackingWarning, match="Nothing is lost.*spool/1") as warned:
        _session_in_vain(server.uri)
    assert len(warned) == 1
    assert _shippers() == []
    server.up()
    tracker = MLflowTracker(server.uri, patience=30.0)
    tracker.open(_card())
    _trial(tracker, 2)
    _until(lambda: states(server.uri) == dict.fromkeys(range(3), "complete"))
    server.down()
    _trial(tracker, 3)
    time.sleep(1.5)  # long enough to be tried in vain
    server.up()
    _trial(tracker, 4)
    tracker.close()
    _check_exact(server.uri, range(5))
    assert spools(SPOOL) == []
    assert str(tracker.url).startswith(f"{server.uri}/#/experiments/1/runs?viewStateShareKey=")


def _session_in_vain(uri: str) -> None:
    tracker = MLflowTracker(uri, patience=1.0)
    tracker.open(_card())
    _trial(tracker, 0)
    _trial(tracker, 1)
    tracker.close()
    assert (tracker.run_id(0), tracker.url) == (None, None)


def test_a_killed_study_gives_up_on_a_silent_server(server: Server) -> None:
    body = 'tracker.start(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0))'
    with _study_process(server.uri, body) as process:
        process.send_signal(signal.SIGKILL)
        _until(lambda: _shippers() == [])
    assert [spool.number for spool in spools(SPOOL)] == [1]


def test_whoever_ships_again_stores_once(uri: str) -> None:
    """A shipper killed before it could say how far it came."""
    tracker = MLflowTracker(uri)
    tracker.open(_card())
    _trial(tracker, 0)
    _until(lambda: states(uri) == {0: "complete"})
    (spool,) = spools(SPOOL)
    os.kill(_shippers()[0], signal.SIGKILL)
    _until(lambda: _shippers() == [])
    spool.progress.unlink()
    _trial(tracker, 1)
    tracker.close()
    _check_exact(uri, range(2))
    (study,) = runs(uri, "study")
    assert history(uri, study.info.run_id, "best/val_loss") == [(0, 0.5), (1, 0.5)]


def test_the_page_of_a_database_shows_runs_and_files(uri: str, server: Server) -> None:
    tracker = MLflowTracker(uri)
    tracker.open(_card())
    _trial(tracker, 0)
    tracker.close()
    command = f"{tracker.ui_command} --no-browser --port {server.port}"
    with server.running(["sh", "-c", f"exec {command}"]):
        _check_exact(server.uri, range(1))
        run = tracker.run_id(0)
        address = f"{server.uri}/get-artifact?path=metrics.csv&run_uuid={run}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.read().startswith(b"step,val_loss,nan\n0,1.0,nan\n")


def test_a_disk_that_takes_nothing_or_half_a_line_loses_nothing(uri: str) -> None:
    Path(".regsearch").write_text("in the way")
    tracker = MLflowTracker(uri)
    with pytest.warns(TrackingWarning, match="must be writable"):
        tracker.open(_card())
    _trial(tracker, 0)  # warns no more
    Path(".regsearch").unlink()
    _trial(tracker, 1)
    (spool,) = spools(SPOOL)
    with _files_of_at_most(spool.size + 100):
        _trial(tracker, 2)
        with pytest.warns(TrackingWarning, match="in memory only"):
            tracker.close()
    tracker.close()
    _check_exact(uri, range(3))


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_run_deleted_meanwhile_does_not_hold_up_the_rest(uri: str) -> None:
    tracker = MLflowTracker(uri)
    tracker.open(_card())
    tracker.start(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0))
    _until(lambda: tracker.run_id(0) is not None)
    MlflowClient(uri).delete_run(str(tracker.run_id(0)))
    tracker.log(Report(0, 0, {"val_loss": 1.0}))
    _trial(tracker, 1)
    with pytest.warns(TrackingWarning, match="refused a part of the study"):
        tracker.close()
    assert states(uri) == {1: "complete"}


def test_trouble_does_not_raise_where_warnings_do(tmp_path: Path) -> None:
    tracker = MLflowTracker("nonsense://nowhere", patience=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracker.open(_card())
        _trial(tracker, 0)
        tracker.log(Report(0, 0, {"val_loss": "no number"}))  # type: ignore[dict-item]
        tracker.close()
    assert [spool.number for spool in spools(SPOOL)] == [1]


def test_two_studies_side_by_side(uri: str) -> None:
    first, second = MLflowTracker(uri), MLflowTracker(uri)
    first.open(_card("first"))
    second.open(_card("second"))
    for number in range(2):
        _trial(first, number)
        _trial(second, number)
    second.close()
    first.close()
    studies = [run.data.tags["regsearch.study"] for run in runs(uri)]
    assert sorted(studies) == ["first", "first", "second", "second"]
    assert {run.info.status for run in runs(uri)} == {"FINISHED"}
