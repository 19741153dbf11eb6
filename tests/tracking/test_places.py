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
    assert places.server_arguments(uri, 5000) is None
    assert places.ui_command(uri) is None


def test_other_databases_keep_files_in_the_working_directory(tmp_path: Path) -> None:
    uri = "postgresql+psycopg2://me:secret@host/db"
    assert places.artifact_folder(uri) == tmp_path / "mlartifacts"


def test_links_show_no_password() -> None:
    uri = "https://me:secret@host:8080/base/"
    url = places.study_url(uri, "7", "ab12", "val_loss", ascending=True)
    assert url.startswith("https://host:8080/base/#/experiments/7/runs?")
    assert "orderByKey=metrics.%60val_loss%60&orderByAsc=true" in url
    assert "secret" not in places.shown("postgresql://me:secret@host/db")


def test_a_server_of_a_database_listens_on_this_machine_alone(tmp_path: Path) -> None:
    words = places.server_arguments("sqlite:///it's here.db", 1234)
    assert words is not None
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{tmp_path}/it's here.db"
    assert words[words.index("--artifacts-destination") + 1] == str(tmp_path / "mlartifacts")
    assert words[words.index("--port") + 1] == "1234"
    assert words[words.index("--host") + 1] == "127.0.0.1"


def test_the_command_to_look_at_it_survives_a_shell(tmp_path: Path) -> None:
    assert shlex.split(str(places.ui_command("sqlite:///mlflow.db")))[-1] == "ui"
    assert "secret" not in str(places.ui_command("postgresql://me:secret@host/db"))
    words = shlex.split(str(places.ui_command("sqlite:///it's here.db")))
    assert words[-2:] == ["--tracking-uri", f"sqlite:///{tmp_path}/it's here.db"]


def test_links_to_a_view_say_nothing_that_would_undo_it() -> None:
    url = places.view_url("http://x:1", "7", "regsearch-ab-overview")
    assert url.startswith(
        "http://x:1/#/experiments/7/runs?viewStateShareKey=regsearch-ab-overview&"
    )
    assert "searchFilter" not in url
    assert "orderBy" not in url


def test_files_have_a_path_or_a_link() -> None:
    link = places.artifact_url("http://x", "1", "ab", "a b.html")
    assert link == (
        "http://x/#/experiments/1/runs/ab/artifacts/a%20b.html?workflowType=machine_learning"
    )
    assert places.local_path("file:///data/my%20runs") == Path("/data/my runs")
    assert places.local_path("mlflow-artifacts:/1/ab/artifacts") is None
    assert places.local_path("s3://bucket/1") is None
