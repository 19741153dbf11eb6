"""MLflow's server in one process is as guarded as in the two that MLflow makes of it."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.tracking.conftest import template
from tests.tracking.stores import Server

__all__ = ["template"]

pytestmark = pytest.mark.slow  # a server that imports MLflow

# What a shell may hold that `mlflow server` would take from it.
SHELL = {
    "MLFLOW_STATIC_PREFIX": "/elsewhere",
    "MLFLOW_EXPOSE_PROMETHEUS": "metrics",
    "MLFLOW_UVICORN_OPTS": "--reload",
    "UVICORN_RELOAD": "1",
}
# MLflow guards its Flask app as it is imported, or never: reading must not have imported it.
GUARDED = """
import pathlib, sys
from regsearch.ui import guarded, reading
serve_here = guarded._serve_here
def note():
    serve_here()
    import mlflow.server
    pathlib.Path("flask_is_guarded").write_text(str(bool(mlflow.server.is_running_as_server)))
guarded._serve_here = note
reading.main(sys.argv[1:])
"""


@pytest.fixture
def server(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that was started in such a shell, by an interpreter of its own."""
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    server = Server(tmp_path, template)
    command = [sys.executable, "-P", "-c", GUARDED, *server.arguments]
    with server.running(command):
        yield server


def status(address: str, headers: Mapping[str, str], data: bytes | None = None) -> int:
    asked = urllib.request.Request(address, data, dict(headers))
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refusal:
        refusal.close()
        return refusal.code


def test_it_is_guarded_and_takes_nothing_from_the_shell(server: Server) -> None:
    search, body = f"{server.uri}/api/2.0/mlflow/experiments/search", b'{"max_results": 1}'
    own = {"Content-Type": "application/json"}
    assert status(search, own, body) == 200
    assert status(search, {**own, "Host": "evil.example"}, body) == 403
    assert status(search, {**own, "Origin": "http://evil.example"}, body) == 403
    with urllib.request.urlopen(server.uri, timeout=30) as answer:
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert Path("flask_is_guarded").read_text() == "True"
