"""One coordinator a study in a database server, wherever the coordinators run.

With a PostgreSQL at hand: REGSEARCH_POSTGRESQL=postgresql+psycopg2://user@host/db pytest ...
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from regsearch.search.errors import StorageError, StorageHeldError
from regsearch.search.server import attempt, has_locks, locked
from regsearch.search.storage import opened
from tests.interpreters import LEARNERS, Program
from tests.search.toys import go, study

SERVER = os.environ.get("REGSEARCH_POSTGRESQL", "")
needs_server = pytest.mark.skipif(not SERVER, reason="needs REGSEARCH_POSTGRESQL, a server's URL")

SCRIPT = """
import os, sys, time
from tests.interpreters import LEARNERS, Program
from tests.search.toys import curve, go, study, trained

def slow(trial):
    for value in curve(trial):
        yield value
        print("running", flush=True)
        time.sleep(60)

go(study(2, name=sys.argv[1], storage=os.environ["REGSEARCH_POSTGRESQL"]), trained(slow))
"""


@contextmanager
def searching(name: str, folder: Path) -> Iterator[Program]:
    """Runs a study in another process and folder, and begins when it is in its first trial."""
    folder.mkdir()
    with LEARNERS.started(["-c", SCRIPT, name], folder=folder) as process:
        assert process.stdout.readline() == "running\n"
        yield process


@needs_server
@pytest.mark.slow  # starts a process, which imports torch
def test_a_study_is_refused_in_another_folder_until_its_process_is_dead(tmp_path: Path) -> None:
    name = f"toy {secrets.token_hex(8)}"
    with searching(name, tmp_path / "another"):
        with pytest.raises(StorageHeldError, match="perhaps on another machine, has it open"):
            go(study(2, name=name, storage=SERVER))
        assert len(go(study(1, name=f"{name} more", storage=SERVER)).trials) == 1
    table = go(study(2, name=name, storage=SERVER)).trials
    assert table["state"].tolist() == ["failed", "complete", "complete"]
    assert not Path(".regsearch").exists() or not list(Path(".regsearch").glob("*.lock"))


@needs_server
def test_a_lock_is_given_back_with_the_connection() -> None:
    engine, name = sqlalchemy.create_engine(SERVER), secrets.token_hex(8)
    first = locked(engine, name, "it")
    with pytest.raises(StorageHeldError, match=f"study '{name}' of it"):
        locked(engine, name, "it")
    first.close()
    locked(engine, name, "it").close()
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("postgresql+psycopg://me@host/db", "SELECT pg_try_advisory_lock(:key)"),
        ("mysql+pymysql://me@host/db", "SELECT GET_LOCK(:key, 0)"),
        ("mariadb://me@host/db", "SELECT GET_LOCK(:key, 0)"),
    ],
)
def test_each_server_is_asked_for_a_lock_of_the_study(url: str, query: str) -> None:
    def key(name: str, database: str = "db") -> object:
        return attempt(make_url(url).set(database=database), name).compile().params["key"]

    assert has_locks(make_url(url))
    assert str(attempt(make_url(url), "one")) == query
    assert key("one") == key("one")
    assert len({key("one"), key("other"), key("one", "other")}) == 3
    if "GET_LOCK" in query:
        assert len(str(key("one"))) <= 64  # MySQL's limit
    else:
        assert -(2**63) <= int(str(key("one"))) < 2**63


def test_files_and_other_databases_have_no_such_locks() -> None:
    for url in ("sqlite:///study.db", "mssql+pyodbc://host/db", "oracle://host/db"):
        assert not has_locks(make_url(url))


def test_a_password_is_in_no_error() -> None:
    url = "postgresql+nothere://me:secret@127.0.0.1:1/db"
    with pytest.raises(StorageError) as caught, opened(url, "toy", "minimize"):
        pass
    assert "secret" not in str(caught.value)
    assert "//me:***@" in str(caught.value)
