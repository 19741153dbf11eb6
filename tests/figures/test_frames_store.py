"""Stores that cannot be read: said in a line, and left as they are."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from regsearch.figures.errors import ReadingError, UnreadableStoreError
from regsearch.figures.frames import read_study, study_names
from regsearch.figures.frames_store import other_version
from tests.figures.stored import empty_database


@pytest.fixture
def uri(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return empty_database(tmp_path_factory.getbasetemp(), tmp_path)


def _digest(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _refuses(uri: str, words: str, folder: Path) -> None:
    """Asserts that a store is refused with these words, and that nothing is written."""
    before = _digest(folder)
    with pytest.raises(UnreadableStoreError, match=words) as caught:
        read_study("digits", tracking_uri=uri)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert _digest(folder) == before


def test_a_store_of_another_version_is_left_as_it_is(uri: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        database.execute("DROP TABLE webhooks")  # MLflow takes one without all tables for a new one
    _refuses(uri, "another version made it.*mlflow db upgrade sqlite", tmp_path)


def test_advice_for_another_version_has_no_password_in_it() -> None:
    said = other_version("postgresql://me:se/cret@db.example:5432/mlflow")
    assert "cret" not in said
    assert "`mlflow db upgrade postgresql://USER:PASSWORD@db.example:5432/mlflow` with" in said
    said = other_version("sqlite:///my runs.db")
    assert "`mlflow db upgrade 'sqlite:///my runs.db'`; if" in said
    assert "PASSWORD" not in said


def test_what_is_no_store_is_left_as_it_is(tmp_path: Path) -> None:
    _refuses("sqlite:///mlflow.db", "no MLflow database .*mlflow.db", tmp_path)
    Path("text.db").write_text("This is no database." * 100)
    _refuses("sqlite:///text.db", "file is not a database", tmp_path)
    Path("empty.db").touch()
    _refuses("sqlite:///empty.db", "it holds nothing", tmp_path)
    with sqlite3.connect("other.db") as database:
        database.execute("CREATE TABLE studies (id INTEGER)")
    _refuses("sqlite:///other.db", "it holds studies", tmp_path)
    _refuses("", "must not be empty", tmp_path)
    _refuses("mlruns", "must answer", tmp_path)


def test_a_server_that_is_down_is_said_soon_and_without_its_password(tmp_path: Path) -> None:
    before = dict(os.environ)
    with pytest.raises(UnreadableStoreError, match="refused") as caught:
        study_names("http://me:secret@127.0.0.1:9/mlflow")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:9/mlflow" in str(caught.value)
    assert isinstance(caught.value, ReadingError)
    assert dict(os.environ) == before
