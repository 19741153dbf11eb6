"""A page that follows a study, in processes of their own as people run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboards import watch
from tests.figures.stored import Session

PAGE = Path("report-digits.html")
REPOSITORY = Path(__file__).parents[2]


def test_a_study_that_has_ended_is_drawn_once(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(uri)
    session.trial(0, 0.5)
    session.close()
    watch.main(["digits"])
    assert not _reloads()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [PAGE.absolute().as_uri(), "1 trials; the page stays as it is."]


def _reloads() -> bool:
    return "<body data-refresh=" in PAGE.read_text(encoding="utf-8")


@contextmanager
def _watching(uri: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dashboards.watch", "digits", "--every", "0.2"]
    process = subprocess.Popen(
        [*command, "--tracking-uri", uri, "--output", str(PAGE.absolute())],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _await(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow  # starts a process
def test_the_page_follows_the_study_to_its_end(uri: str) -> None:
    session = Session(uri)
    session.trial(0, 0.5)
    with _watching(uri) as process:
        _await(PAGE.exists)
        assert _reloads()
        before = PAGE.stat().st_ino
        session.trial(1, 0.25)
        session.close()
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert said.splitlines()[-1] == "2 trials; the page stays as it is."
    assert PAGE.stat().st_ino != before  # replaced as a whole
    assert not _reloads()


@pytest.mark.slow  # starts a process
def test_ctrl_c_leaves_a_last_version(uri: str) -> None:
    Session(uri).start(0)
    with _watching(uri) as process:
        _await(PAGE.exists)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert "1 trials" in said
    assert not _reloads()


def test_what_cannot_be_watched_is_said(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="got 'digits'. There is none yet"):
        watch.main(["digits"])
    with pytest.raises(SystemExit):
        watch.main(["digits", "--every", "0"])
    assert "--every must be above 0 seconds" in capsys.readouterr().err
    assert not PAGE.exists()
