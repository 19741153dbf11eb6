"""MLflow as this package needs it: runs found by tags, metrics in batches, files, an end.

It knows nothing of trials and studies. Errors are those of `answers`; a file that may not be
written where it should (PermissionError and its like) is none of them, and is passed on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import TypeVar

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.store.entities import PagedList
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from regsearch.tracking import direct
from regsearch.tracking.answers import Refused, Unreachable, answered, brief
from regsearch.tracking.database import make_database
from regsearch.tracking.direct import Point
from regsearch.tracking.paging import pages
from regsearch.tracking.places import artifact_location, database_file, is_server

T = TypeVar("T")

MOST_METRICS = 1000
MOST_PARAMS = 50  # 100 are allowed, but 100 long ones would be more than the megabyte allowed


@dataclass(frozen=True)
class StoredRun:
    """A run as MLflow holds it."""

    id: str
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]


class Store:
    """One experiment of one tracking store.

    Args:
        uri: MLflow's tracking URI, with absolute paths.
        experiment: The experiment's name; made if there is none.

    Raises:
        Unreachable: If the store cannot be reached.
        Refused: If the experiment is deleted.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        self._uri = uri
        self._file = database_file(uri)
        try:
            if self._file is not None:
                make_database(self._file, MlflowClient)
            self._client = MlflowClient(uri)
            self.experiment = self._experiment(experiment, artifact_location(uri))
        except Refused:
            raise
        except Exception as error:
            raise Unreachable(brief(error)) from error

    def _experiment(self, name: str, location: str | None) -> str:
        found: Experiment | None = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifact_location=location))
        if found.lifecycle_stage != "active":
            raise Refused(
                f"The experiment must not be deleted, but {name!r} is: restore it in MLflow, or "
                "give the tracker another experiment."
            )
        return str(found.experiment_id)

    def runs(self, tag: str, value: str) -> list[StoredRun]:
        """Returns the runs with a tag, the oldest first; the value must need no quoting."""

        def ask(token: str | None) -> PagedList[Run]:
            with answered():
                return self._client.search_runs(
                    [self.experiment],
                    f"tags.`{tag}` = '{value}'",
                    order_by=["attributes.start_time ASC"],
                    page_token=token,
                )

        return [_stored(run) for page in pages(ask) for run in page]

    def create(self, name: str, tags: Mapping[str, str], time: int) -> str:
        """Starts a run and returns its id.

        Raises:
            Unreachable: If there is no run afterwards, for whatever reason: a trial without a run
                could never be stored.
        """
        try:
            run = self._client.create_run(self.experiment, time, dict(tags), name)
        except Exception as error:
            raise Unreachable(brief(error)) from error
        return str(run.info.run_id)

    def measure(self, points: Mapping[str, Sequence[Point]]) -> list[Refused]:
        """Adds metrics to runs; a point stored before is not stored again.

        Args:
            points: By run id; finite or NaN.

        Returns:
            What MLflow says of each run that it does not take them for.

        Raises:
            Unreachable: If they are not stored, or not all of them.
        """
        with answered():
            served = direct.write(self._file, points) if self._file is not None else set()
        refusals: list[Refused] = []
        for run, some in points.items():
            if run in served:
                continue
            try:
                self._log(run, some)
            except Refused as error:
                refusals.append(error)
        return refusals

    def _log(self, run: str, points: Sequence[Point]) -> None:
        for batch in batches(points, MOST_METRICS):
            metrics = [Metric(key, value, time, step) for key, value, time, step in batch]
            with answered():
                self._client.log_batch(run, metrics=metrics, synchronous=True)

    def describe(self, run: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Adds params, which must not change, and tags, which may."""
        parts = zip_longest(
            batches(params.items(), MOST_PARAMS), batches(tags.items(), MOST_PARAMS), fillvalue=()
        )
        for some, others in parts:
            given = [Param(*item) for item in some]
            with answered():
                self._client.log_batch(run, params=given, tags=[RunTag(*item) for item in others])

    def attach(self, run: str, files: Mapping[str, bytes]) -> None:
        """Stores files with a run, under their relative paths."""
        if not files:
            return
        with answered(), tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self._client.log_artifacts(run, folder)

    def resume(self, run: str) -> None:
        """Sets a run's status to RUNNING."""
        with answered():
            self._client.update_run(run, "RUNNING")

    def end(self, run: str, status: str, time: int) -> None:
        """Ends a run as FINISHED, KILLED or FAILED."""
        with answered():
            self._client.set_terminated(run, status, time)

    def folder(self, run: str) -> str:
        """Returns the URI below which a run's files are."""
        with answered():
            return str(self._client.get_run(run).info.artifact_uri)

    def tags(self) -> dict[str, str]:
        """Returns the experiment's tags."""
        with answered():
            return dict(self._client.get_experiment(self.experiment).tags)

    def tag(self, key: str, value: str) -> None:
        """Sets a tag of the experiment."""
        with answered():
            self._client.set_experiment_tag(self.experiment, key, value)

    def untag(self, key: str) -> None:
        """Removes a tag of the experiment."""
        with answered():
            self._client.delete_experiment_tag(self.experiment, key)

    def version(self) -> str:
        """Returns the version of the MLflow whose pages show the runs; "" if it does not say.

        A server has its own; a database is served by the MLflow that is installed here.
        """
        if not is_server(self._uri):
            return str(mlflow.__version__)
        with answered():
            host = get_default_host_creds(self._uri)  # type: ignore[no-untyped-call]  # MLflow's
            answer = http_request(host, "/version", "GET", raise_on_status=False)  # type: ignore[no-untyped-call]  # as well
        return str(answer.text).strip() if answer.status_code == 200 else ""

    def history(self, run: str, key: str) -> list[float]:
        """Returns all values a run has of a metric."""
        with answered():
            return [float(point.value) for point in self._client.get_metric_history(run, key)]


def _stored(run: Run) -> StoredRun:
    data = run.data
    return StoredRun(run.info.run_id, run.info.status, data.tags, data.params, data.metrics)


def batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yields the items in lists of at most `most`."""
    rest = iter(items)
    while batch := list(islice(rest, most)):
        yield batch
