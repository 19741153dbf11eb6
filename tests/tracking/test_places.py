from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from regsearch.tracking import places


def test_a_relative_database_lies_in_the_working_directory(tmp_path: Path) -> None:
    uri = places.absolute("sqlite:///data/my runs.db")
    assert uri == f"sqlite:///{tmp_path}/data/my runs.db"
    assert places.absolute(uri) == uri
    assert places.database_file(uri) == tmp_path / "data" / "my runs.db"
    assert places.artifact_location(uri) == (tmp_path / "data" / "mlartifacts").as_uri()


@pytest.mark.parametrize("uri", ["http://x:1", "https://x", "databricks", "sqlite:///:memory:"])
def test_other_stores_have_no_file(uri: str) -> None:
    assert places.absolute(uri) == uri
    assert places.database_file(uri) is None


@pytest.mark.parametrize("uri", ["http://x:1", "https://x", "databricks"])
def test_a_server_knows_its_own_places(uri: str) -> None:
    assert places.artifact_location(uri) is None
    assert places.server_command(uri) is None


def test_other_databases_keep_files_in_the_working_directory(tmp_path: Path) -> None:
    uri = "postgresql+psycopg2://me:secret@host/db"
    assert places.artifact_folder(uri) == tmp_path / "mlartifacts"


def test_links_show_no_password() -> None:
    uri = "https://me:secret@host:8080/base/"
    url = places.study_url(uri, "7", "ab12", "val_loss", ascending=True)
    assert url.startswith("https://host:8080/base/#/experiments/7/runs?")
    assert "orderByKey=metrics.%60val_loss%60&orderByAsc=true" in url
    assert "secret" not in places.shown("postgresql://me:secret@host/db")


def test_the_command_survives_a_shell(tmp_path: Path) -> None:
    command = places.server_command("sqlite:///it's here.db", port=1234)
    assert command is not None
    words = shlex.split(command)
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{tmp_path}/it's here.db"
    assert words[words.index("--port") + 1] == "1234"
    assert words[words.index("--host") + 1] == "127.0.0.1"
