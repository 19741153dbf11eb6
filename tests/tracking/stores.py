"""Reads back what trackers wrote into MLflow, and makes databases and servers for them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from regsearch.tracking.places import SERVER_SETTINGS
from tests.interpreters import environment
from tests.mlflow_programs import start
from tests.programs import Program

WORDS = {"FINISHED": "complete", "FAILED": "failed", "RUNNING": "running"}


def runs(uri: str, kind: str = "trial", experiment: str = "regsearch") -> list[Run]:
    """Returns the runs of a kind, the oldest first."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return []
    wanted = f"tags.`regsearch.kind` = '{kind}'"
    order = ["attributes.start_time ASC"]
    return list(client.search_runs([found.experiment_id], wanted, order_by=order))


def by_number(uri: str) -> dict[int, Run]:
    """Returns the run of each trial's last attempt."""
    found = sorted(runs(uri), key=lambda run: int(run.data.tags["regsearch.attempt"]))
    return {int(run.data.tags["regsearch.number"]): run for run in found}


def states(uri: str) -> Mapping[int, str]:
    """Returns each trial's state in the words of the laws."""
    return {number: state(run) for number, run in sorted(by_number(uri).items())}


def state(run: Run) -> str:
    reason = run.data.tags.get("regsearch.reason", "")
    killed = "interrupted" if reason in ("interrupted", "lost") else "pruned"
    return WORDS.get(run.info.status, killed)


def history(uri: str, run: str, key: str) -> list[tuple[int, float]]:
    """Returns the steps and values of a metric."""
    points = MlflowClient(uri).get_metric_history(run, key)
    return sorted((point.step, point.value) for point in points)


def artifact(uri: str, run: str, path: str, folder: Path) -> Path:
    """Downloads one file of a run."""
    folder.mkdir(exist_ok=True)
    return Path(MlflowClient(uri).download_artifacts(run, path, str(folder)))


class Server:
    """A real MLflow server on this machine, with a database of its own, that can be killed."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | Program | None = None
        shutil.copy(template, folder / "server.db")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.uri = f"http://127.0.0.1:{self.port}"

    @property
    def arguments(self) -> list[str]:
        """What the process that reads the store and serves it is started with."""
        store = f"sqlite:///{self._folder / 'server.db'}"
        address = ["--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        stores = ["--backend-store-uri", store]
        stores += ["--artifacts-destination", str(self._folder / "served")]
        return [str(self._folder / "no spools"), store, self.uri, *address, *stores]

    def up(self) -> None:
        """Starts it, and waits for its first answer."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = start(
                "regsearch.ui.reading",
                *self.arguments,
                more=SERVER_SETTINGS,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await()

    @contextmanager
    def running(self, command: list[str]) -> Iterator[None]:
        """Runs another command that starts a server on the same port."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )
        self._await()
        try:
            yield
        finally:
            self.down()

    def _await(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self._folder / "server.log").read_text())

    def down(self) -> None:
        if self._process is not None:
            with self._process:
                os.killpg(self._process.pid, 9)
            self._process = None
