"""Files of runs that lie on a server, asked for over HTTP."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from regsearch.figures.errors import UnreadableStoreError
from regsearch.figures.frames import StudyReader
from tests.figures.stored import Session, empty_database

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


class Place(ThreadingHTTPServer):
    """Serves a run's files from memory; `status` is its answer to every question if it is not 0."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.status, self.missing = 0, 404

    def answer(self, path: str) -> tuple[int, bytes]:
        """Returns the status and the content of what is asked for."""
        if self.status:
            return self.status, b""
        if path.startswith(f"{ROOT}?"):
            names = [{"path": name.split("/")[-1], "is_dir": False} for name in self.files]
            return 200, json.dumps({"files": names}).encode()
        found = self.files.get(path.removeprefix(f"{ROOT}/run/"))
        return (self.missing, b"") if found is None else (200, found)


class _Handler(BaseHTTPRequestHandler):
    server: Place

    def do_GET(self) -> None:
        status, content = self.server.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def place() -> Iterator[Place]:
    server = Place()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def uri(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = empty_database(tmp_path_factory.getbasetemp(), tmp_path)
    Session(uri).trial(0, 0.5, 0.25)
    return uri


@pytest.fixture
def reader(uri: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyReader:
    """Reads a study of one trial whose files lie on the server."""
    for name in ("metrics.csv", "histograms.npz"):
        [file] = tmp_path.glob(f"mlartifacts/**/{name}")
        place.files[file.relative_to(file.parents[1]).as_posix()] = file.read_bytes()
    place.files["metrics.csv"] = place.files.pop("artifacts/metrics.csv")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        elsewhere = f"http://me:secret@127.0.0.1:{place.server_port}{ROOT}/run"
        database.execute("UPDATE runs SET artifact_uri = ?", [elsewhere])
    database.close()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return StudyReader(uri)


def test_files_of_a_server_are_read(reader: StudyReader) -> None:
    data = reader.read("digits")
    assert data.curves["acc"].tolist() == [1.0, 1.0]
    assert data.weights[0]["net.weight"].steps.tolist() == [0, 1]


@pytest.mark.parametrize("missing", [404, 500])
def test_a_file_that_is_not_there_is_missing(
    reader: StudyReader, place: Place, missing: int
) -> None:
    """A server of a bucket has 500 for it, but lists what it has."""
    place.missing = missing
    del place.files["weights/histograms.npz"]
    data = reader.read("digits")
    assert data.curves["acc"].tolist() == [1.0, 1.0]
    assert not data.weights


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_server_out_of_order_is_said_and_asked_again(
    reader: StudyReader, place: Place, status: int
) -> None:
    place.status = status
    with pytest.raises(UnreadableStoreError, match="metrics.csv of run .* must be readable") as e:
        reader.read("digits")
    assert "secret" not in str(e.value)
    place.status = 0
    assert list(reader.read("digits").weights) == [0]


def test_a_file_of_this_machine_that_cannot_be_read_is_said(uri: str, tmp_path: Path) -> None:
    [file] = tmp_path.glob("mlartifacts/**/metrics.csv")
    content = file.read_bytes()
    file.unlink()
    file.mkdir()
    reader = StudyReader(uri)
    with pytest.raises(UnreadableStoreError, match="metrics.csv of run .* Is a directory"):
        reader.read("digits")
    file.rmdir()
    file.write_bytes(content)
    assert reader.read("digits").curves["acc"].tolist() == [1.0, 1.0]


def test_a_place_that_nobody_knows_is_said(uri: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("UPDATE runs SET artifact_uri = 'nowhere://files'")
    database.close()
    with pytest.raises(UnreadableStoreError, match="nowhere://files, but got: Could not find"):
        StudyReader(uri).read("digits")
