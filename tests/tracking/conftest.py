from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.figures.stored import empty_database
from tests.tracking.stores import Server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database; making one takes seconds, copying it none."""
    folder = tmp_path_factory.mktemp("empty")
    empty_database(tmp_path_factory.getbasetemp(), folder)
    return folder / "mlflow.db"


@pytest.fixture
def uri(tmp_path: Path, template: Path) -> str:
    """The tracking URI of a database of the test's own, in its working directory."""
    shutil.copy(template, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def server(tmp_path: Path, template: Path) -> Iterator[Server]:
    """A server that is not up yet."""
    server = Server(tmp_path, template)
    yield server
    server.down()
