"""`regsearch ui` as people start and end it: a process, a real server, a script for a browser."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from regsearch.cli import main
from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.spool import SpoolWriter, spools
from regsearch.trials import Outcome, Report, Trial
from regsearch.ui.server import free_port
from tests.figures.stored import empty_database
from tests.interpreters import fresh_started
from tests.ui.test_guarded import status

SPOOL = Path(".regsearch/spool")

pytestmark = pytest.mark.slow  # each command starts a process that imports MLflow


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    empty_database(tmp_path_factory.getbasetemp(), folder)
    return folder / "mlflow.db"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a browser of ours writes what it is asked to open."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    return tmp_path / "opened"


def _refused(output: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs a command that must end by itself with a message, and returns that."""
    assert main(["ui", *arguments]) == 1
    said = output.readouterr().err
    assert "Traceback" not in said
    return said


def _left_over(name: str = "digits", uri: str = "") -> None:
    """Leaves a study in the spool that nobody shipped."""
    writer = SpoolWriter(SPOOL)
    uri = uri or f"sqlite:///{Path('mlflow.db').absolute()}"
    card = StudyCard(name, "val_loss", "minimize", 1)
    writer.append(events.opened("s", uri, "regsearch", card))
    writer.append(events.started(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0)))
    writer.append(events.reported(Report(0, 0, {"val_loss": 0.5})))
    writer.append(events.finished(Outcome(0, "complete", 0.5)))
    writer.close()


def _running(
    *arguments: str, stderr: int | None = None
) -> AbstractContextManager[subprocess.Popen[str]]:
    return fresh_started("-m", "regsearch.cli", "ui", *arguments, errors=stderr)


def _until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def _below(parent: int) -> list[int]:
    """Returns the processes that a process started, and theirs."""
    children = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and _parent(entry) == parent
    ]
    return children + [below for child in children for below in _below(child)]


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has just ended


def _is_gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def _lines(process: subprocess.Popen[str]) -> list[str]:
    """Returns what a command says until it serves."""
    assert process.stdout is not None
    said: list[str] = []
    while not said or "Ctrl-C" not in said[-1]:
        said.append(process.stdout.readline())
        assert said[-1], said
    return said


def _check_end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Sends a signal, and sees that nothing is left."""
    below = _below(process.pid)
    assert len(below) == 1  # MLflow's server is one process
    process.send_signal(number)
    assert process.wait(60) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
    _until(lambda: all(map(_is_gone, below)))


def test_it_opens_the_last_study_and_ends_when_killed_politely(
    template: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the spool still held is stored before."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody answers there
    shutil.copy(template, "mlflow.db")
    _left_over()
    port = free_port()
    with _running("--port", str(port)) as process:
        said = _lines(process)
        assert said[0] == "Storing what is left over of 1 study: 1 report ...\n"
        assert said[1] == "Stored what was left over of digits.\n"
        assert said[3] == "digits (regsearch):\n"
        assert spools(SPOOL) == []
        assert opened.read_text().strip() == said[4].strip()
        assert said[4].strip().startswith(f"http://127.0.0.1:{port}/#/experiments/1/runs?viewState")
        _check_end(process, signal.SIGTERM)


def test_a_server_that_runs_already_is_only_led_to(
    template: Path, opened: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And one whose owner is killed ends, too."""
    shutil.copy(template, "mlflow.db")
    _left_over("[bold]a\x1b[31m\nb")
    _left_over("lost", uri="nonsense://me:secret@host/\x1b[31m[red]")
    port = free_port()
    with _running("--port", str(port), "--no-browser", stderr=subprocess.PIPE) as process:
        said = "".join(_lines(process))
        assert not opened.exists()
        shutil.rmtree(SPOOL)
        address = f"http://127.0.0.1:{port}"
        assert main(["ui", "--tracking-uri", address]) == 0
        assert capsys.readouterr().err == ""
        assert opened.read_text().startswith(f"{address}/#/experiments/1/runs?viewStateShareKey=")
        busy = _refused(capsys, "--port", str(port))
        assert f"Port {port} must be free" in busy
        assert "regsearch ui --port" in busy
        _check_end(process, signal.SIGKILL)
        assert process.stderr is not None
        _check_harmless(said, process.stderr.read())


def _check_harmless(said: str, complaint: str) -> None:
    """Names and errors do not steer the terminal."""
    assert "left over of 2 studies: 2 reports ..." in said
    assert "left over of [bold]a [31m b." in said
    assert "Still not stored, and kept in" in complaint
    assert "[red]" in complaint
    assert "secret" not in complaint
    assert "\x1b" not in said + complaint


def test_without_a_study_or_a_browser_there_is_still_a_link(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(template, "mlflow.db")
    port = free_port()
    with _running("--port", str(port)) as process:
        said = _lines(process)
        assert status(f"http://127.0.0.1:{port}", {"Host": "evil.example"}) == 403
        assert said[1] == "There is no study in this store yet.\n"
        assert said[3] == "There is no browser to open here: open the link yourself.\n"
        _check_end(process, signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.read() == "Ended.\n"


def test_a_place_without_a_store_is_refused_and_stays_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"There is no MLflow database {tmp_path}/mlflow.db. Run a study" in _refused(capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_mlflow_is_refused(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(template, "mlflow.db")
    with sqlite3.connect("mlflow.db") as database:
        database.execute("update alembic_version set version_num = '451aebb31d03'")
    database.close()
    said = _refused(capsys)
    assert "is of another version" in said
    assert "mlflow db upgrade sqlite:////" in said


def test_what_is_no_store_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect("another.db") as database:
        database.execute("create table studies (x)")
    assert "but it holds studies. " in _refused(capsys, "--tracking-uri", "sqlite:///another.db")
    names = [name for (name,) in database.execute("select name from sqlite_master")]
    assert names == ["studies"]
    database.close()
    Path("mlflow.db").write_text("no database")
    assert "but got: file is not a database. Run a study" in _refused(capsys)
    said = _refused(capsys, "--tracking-uri", "nonsense://me:secret@host")
    assert "must be a database or a server's address, but got 'nonsense://host'" in said
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "MLflow must be able to read the server" in _refused(
            capsys, "--tracking-uri", address
        )


def test_ctrl_c_before_it_serves_ends_it_without_a_word(template: Path) -> None:
    """While it imports and reads the store: with the code that shells know."""
    shutil.copy(template, "mlflow.db")
    _left_over()
    with _running("--port", str(free_port()), "--no-browser", stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Storing")
        below = _below(process.pid)
        process.send_signal(signal.SIGINT)
        assert (process.wait(60), process.stdout.read()) == (130, "")
        assert process.stderr is not None
        assert process.stderr.read() == ""
        _until(lambda: all(map(_is_gone, below)))
    assert len(spools(SPOOL)) == 1  # to be shipped by the next
