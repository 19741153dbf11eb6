"""MLflow as a reader of studies needs it: runs of studies and trials, their files, no writing.

MLflow makes a database that is not there, and changes one that an older version made; whoever only
wants to look must not. So a database is looked at before MLflow opens it.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.db import utils as database
from mlflow.store.entities import PagedList
from sqlalchemy.exc import SQLAlchemyError

from regsearch.figures.errors import UnreadableStoreError
from regsearch.figures.frames_files import fetched, here
from regsearch.tracking.database import MLFLOWS, flaw
from regsearch.tracking.labels import KIND, STUDY_ID
from regsearch.tracking.paging import pages
from regsearch.tracking.places import (
    absolute,
    artifact_folder,
    database_file,
    local_path,
    shown,
    upgrade_command,
)

# With its own settings MLflow asks a server that is down for four minutes.
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_ADVICE = (
    "Name the store with --tracking-uri (tracking_uri=...), or go to the folder in which the study "
    "ran."
)


class RunStore:
    """A tracking store, read only.

    Args:
        uri: MLflow's tracking URI.
        experiment: The experiment to look in; None is all of them.

    Raises:
        UnreadableStoreError: If it cannot be read.
    """

    def __init__(self, uri: str, experiment: str | None = None) -> None:
        self._uri = absolute(uri)
        self._shown = shown(self._uri)
        with quick_answers(), self._answered():
            self._check()
            self._client = MlflowClient(self._uri)
            self._experiments = self._found(experiment)

    @property
    def name(self) -> str:
        """The store's URI as people may see it."""
        return self._shown

    def studies(self) -> list[Run]:
        """Returns the runs of all studies, the last one first."""
        return self._search(f"tags.`{KIND}` = 'study'", "DESC")

    def runs(self, study_id: str) -> list[Run]:
        """Returns the runs of a study and its trials, the oldest first."""
        return self._search(f"tags.`{STUDY_ID}` = '{study_id}'", "ASC")

    def history(self, run: Run, key: str) -> list[tuple[int, float]]:
        """Returns the steps and values of a run's metric."""
        with self._answered():
            points = self._client.get_metric_history(run.info.run_id, key)
        return [(int(point.step), float(point.value)) for point in points]

    def file(self, run: Run, path: str) -> bytes:
        """Returns the content of a run's file; b"" if there is none.

        Raises:
            UnreadableStoreError: If there may be one, but it cannot be read.
        """
        found = self.source(run, path)
        return found if isinstance(found, bytes) else found.read_bytes()

    def source(self, run: Run, path: str) -> Path | bytes:
        """Returns a run's file, where it lies elsewhere its content; b"" if there is none.

        Raises:
            UnreadableStoreError: If there may be one, but it cannot be read.
        """
        place = str(run.info.artifact_uri)
        try:
            folder = local_path(place)
            if folder is not None:
                return here(folder / path)
            return fetched(get_artifact_repository(place, tracking_uri=self._uri), path)
        except Exception as error:  # each kind of place has errors of its own
            raise UnreadableStoreError(
                f"{path} of run {run.info.run_id} must be readable in {shown(place)}, but got: "
                f"{_brief(error)} See that this machine may read there, and try again."
            ) from None

    def _found(self, name: str | None) -> list[str]:
        if name is not None:
            experiment = self._client.get_experiment_by_name(name)
            return [] if experiment is None else [str(experiment.experiment_id)]
        found = pages(lambda token: self._client.search_experiments(page_token=token))
        return [str(experiment.experiment_id) for page in found for experiment in page]

    def _search(self, wanted: str, order: str) -> list[Run]:
        if not self._experiments:
            return []
        by = [f"attributes.start_time {order}"]

        def ask(token: str | None) -> PagedList[Run]:
            with self._answered():
                return self._client.search_runs(
                    self._experiments, wanted, max_results=1000, order_by=by, page_token=token
                )

        return [run for page in pages(ask) for run in page]

    def _check(self) -> None:
        """Looks at a database before MLflow does."""
        if not self._uri:  # MLflow would take a default of its own, and make it
            raise UnreadableStoreError(f"The tracking URI must not be empty. {_ADVICE}")
        file = database_file(self._uri)
        wrong = "" if file is None else flaw(file)
        if wrong:
            raise UnreadableStoreError(f"{wrong} {_ADVICE}")
        if artifact_folder(self._uri) is None:
            return  # a server looks after its own
        engine = sqlalchemy.create_engine(self._uri)
        try:
            with engine.connect() as connection:
                tables = sqlalchemy.inspect(connection).get_table_names()
                query = sqlalchemy.text("SELECT version_num FROM alembic_version")
                is_one = MLFLOWS.issubset(tables)
                version = str(connection.scalar(query)) if is_one else ""
        finally:
            engine.dispose()
        if not is_one:
            raise UnreadableStoreError(
                f"{self._shown} must be an MLflow database, but it holds "
                f"{', '.join(sorted(tables)[:5]) or 'nothing'}. {_ADVICE}"
            )
        if version != _latest_revision(default=version):
            raise UnreadableStoreError(other_version(self._uri))

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Puts what MLflow says into a few words."""
        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
            raise UnreadableStoreError(
                f"MLflow at {self._shown} must answer, but got: {_brief(error)} Does it run, and "
                f"is it the right one? {_ADVICE}"
            ) from None


def _latest_revision(default: str) -> str:
    """Returns what MLflow calls its tables' version, from where it does not promise to keep it."""
    ask = vars(database).get("_get_latest_schema_revision")
    return default if ask is None else str(ask())


def other_version(uri: str) -> str:
    """Says what to do with a store of another version, without its user and password."""
    command = upgrade_command(uri)
    filled = "" if shown(uri) == uri else " with your own in the place of USER and PASSWORD"
    return (
        f"{shown(uri)} must be a store of the MLflow that is installed, but another version made "
        f"it. If that one was older, take a copy of the database and run `{command}`{filled}; if "
        "it was newer, `pip install --upgrade mlflow`."
    )


@contextmanager
def quick_answers() -> Iterator[None]:
    """Has MLflow give up soon on a server that does not answer; not for several threads at once."""
    missing = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _brief(error: BaseException) -> str:
    """Returns the cause in a line: the system's own words where there are any."""
    system = [e.strerror for e in _causes(error) if isinstance(e, OSError) and e.strerror]
    said = str(error).strip().splitlines() or [type(error).__name__]
    line = textwrap.shorten(system[-1] if system else said[0], 240, placeholder=" …")
    return f"{shown(line).rstrip('.')}."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
