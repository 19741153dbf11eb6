"""One coordinator a study in a database server, wherever the coordinators run."""

from __future__ import annotations

import gc
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy.engine import make_url

from regsearch.search import reconnecting
from regsearch.search.errors import StorageError, StorageHeldError
from regsearch.search.records import records
from regsearch.search.server_lock import has_locks, lock_query
from regsearch.search.storage import opened
from regsearch.trials import OnReport, Outcome, Train, Trial
from tests.interpreters import LEARNERS, Program
from tests.search.servers import IDLE, KINDS, Server
from tests.search.toys import CLOCK, DB, curve, go, study, trained

SCRIPT = """
import sys, time
from tests.search.toys import curve, go, study, trained

def slow(trial):
    for value in curve(trial):
        yield value
        print("running", flush=True)
        time.sleep(60)

go(study(2, name=sys.argv[1], storage=sys.argv[2]), trained(slow))
"""


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that is in a hurry to end connections which are idle."""
    with KINDS[request.param]() as server:
        yield server


@pytest.fixture
def name() -> str:
    """The name of a study that no other test has."""
    return f"toy {secrets.token_hex(8)}"


@contextmanager
def searching(name: str, server: Server, folder: Path) -> Iterator[Program]:
    """Runs a study in another process and folder, and begins when it is in its first trial."""
    folder.mkdir()
    with LEARNERS.started(["-c", SCRIPT, name, server.url], folder=folder) as process:
        assert process.stdout.readline() == "running\n"
        yield process


def when_half_done(happens: Iterator[None]) -> Train:
    """Returns a train function during whose second trial, and later ones, something happens."""

    def values(trial: Trial) -> Iterator[float]:
        for epoch, value in enumerate(curve(trial)):
            if trial.number > 0 and epoch == 2:
                next(happens, None)
            yield value

    return trained(values)


@pytest.mark.slow  # starts a process, which imports torch
def test_a_study_is_refused_in_another_folder_until_its_process_is_dead(
    name: str, server: Server, tmp_path: Path
) -> None:
    with searching(name, server, tmp_path / "another") as process:
        with pytest.raises(StorageHeldError, match=f"but process {process.pid} on .* has it open"):
            go(study(2, name=name, storage=server.url))
        assert len(go(study(1, name=f"{name} more", storage=server.url)).trials) == 1
    table = go(study(2, name=name, storage=server.url)).trials
    assert table["state"].tolist() == ["failed", "complete", "complete"]
    assert not Path(".regsearch").exists() or not list(Path(".regsearch").glob("*.lock"))


def test_a_study_is_what_it_is_in_a_file(server: Server) -> None:
    odd = "λ '\"%s\\ 😀"
    there, here = (go(study(12, name=odd, storage=url)).trials for url in (server.url, DB))
    assert_frame_equal(there.drop(columns=CLOCK), here.drop(columns=CLOCK))


def test_a_long_traceback_is_kept(name: str, server: Server) -> None:
    long = f"Traceback\n{'λ' * 50_000}"

    def fails_once(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        first = next(trials)
        yield Outcome(first.number, "failed", None, {}, long)
        yield from trained()(trials, on_report)

    go(study(2, name=name, storage=server.url), fails_once)
    read = go(study(3, name=name, storage=server.url)).optuna_study.trials
    assert [entry.error for entry in records(read)] == [long, "", "", ""]


def test_a_lock_is_kept_while_nothing_is_written(name: str, server: Server) -> None:
    with opened(server.url, name, "minimize"):
        time.sleep(1.5 * IDLE)
        with (
            pytest.raises(StorageHeldError, match=f"study '{name}' of .*process {os.getpid()} on "),
            opened(server.url, name, "minimize"),
        ):
            pass
    with opened(server.url, name, "minimize"):
        pass


def test_a_server_that_starts_anew_costs_nothing(name: str, server: Server) -> None:
    def starts_anew() -> Iterator[None]:
        server.kill()
        server.start()
        yield
        with pytest.raises(StorageHeldError), opened(server.url, name, "minimize"):
            pass
        yield

    asked = study(4, name=name, storage=server.url)
    table = go(asked, when_half_done(starts_anew())).trials
    undisturbed = go(study(4, storage=None)).trials
    assert_frame_equal(table.drop(columns=CLOCK), undisturbed.drop(columns=CLOCK))


def test_who_has_lost_the_lock_writes_nothing(name: str, server: Server) -> None:
    def another_is_faster() -> Iterator[None]:
        server.kill()
        server.start()
        with opened(server.url, name, "minimize"):
            yield

    happens = another_is_faster()
    with pytest.raises(StorageHeldError, match=r"process \(unknown\) has it open"):
        go(study(4, name=name, storage=server.url), when_half_done(happens))
    happens.close()
    table = go(study(4, name=name, storage=server.url)).trials
    assert (table["state"] != "failed").sum() == 4
    assert table.set_index("number").loc[1, "reason"].startswith("lost")


@pytest.mark.filterwarnings("ignore:unclosed <socket")  # PyMySQL's, which could not connect
def test_a_server_that_is_away_for_a_moment_is_waited_for(
    name: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def goes_away() -> Iterator[None]:
        server.kill()
        back = threading.Timer(0.5, server.start)
        back.start()
        yield
        back.join()

    asked = study(3, name=name, storage=server.url)
    table = go(asked, when_half_done(goes_away())).trials
    gc.collect()
    assert table["state"].tolist() == ["complete"] * 3
    assert len([line for line in caplog.messages if "waits for its database" in line]) == 1


@pytest.mark.slow  # Optuna asks a server again and again, for seconds
@pytest.mark.filterwarnings("ignore:unclosed <socket")  # PyMySQL's, which could not connect
def test_a_server_that_stays_away_stops_the_study_which_then_goes_on(
    name: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnecting, "LONGEST", 0.5)

    def goes_away() -> Iterator[None]:
        server.kill()
        yield

    with pytest.raises(StorageError, match="(?s)must be a database .* run the study again"):
        go(study(4, name=name, storage=server.url), when_half_done(goes_away()))
    gc.collect()
    server.start()
    table = go(study(4, name=name, storage=server.url)).trials
    assert (table["state"] != "failed").sum() == 4


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("postgresql+psycopg://me@host/db", "SELECT pg_try_advisory_lock({})"),
        ("mysql+pymysql://me@host/db", "SELECT GET_LOCK('{}', 0)"),
        ("mariadb://me@host/db", "SELECT GET_LOCK('{}', 0)"),
    ],
)
def test_each_server_is_asked_for_a_lock_of_the_study(url: str, query: str) -> None:
    before, after = query.split("{}")

    def key(name: str, database: str = "db") -> str:
        asked = lock_query(make_url(url).set(database=database), name)
        found = asked.removeprefix(before).removesuffix(after)
        assert asked == query.format(found)
        return found

    assert has_locks(make_url(url))
    assert key("one") == key("one")
    assert len({key("one"), key("other"), key("one", "other")}) == 3
    if "GET_LOCK" in query:
        assert int(key("'; --"), 16) >= 0
        assert len(key("one")) <= 64  # MySQL's limit
    else:
        assert -(2**63) <= int(key("one")) < 2**63


def test_files_and_other_databases_have_no_such_locks() -> None:
    for url in ("sqlite:///study.db", "mssql+pyodbc://host/db", "oracle://host/db"):
        assert not has_locks(make_url(url))


def test_a_password_is_in_no_error() -> None:
    url = "postgresql+nothere://me:secret@127.0.0.1:1/db"
    with pytest.raises(StorageError) as caught, opened(url, "toy", "minimize"):
        pass
    assert "secret" not in str(caught.value)
    assert "//me:***@" in str(caught.value)
