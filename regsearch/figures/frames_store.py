"""MLflow as a reader of studies needs it: runs of studies and trials, their files, no writing.

MLflow makes a database that is not there, and changes one that an older version made; whoever only
wants to look must not. So a database is looked at before MLflow opens it; whether a SQLite file is
there at all, `frames` has asked before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils as database
from mlflow.store.entities import PagedList
from sqlalchemy.exc import SQLAlchemyError

from regsearch.figures.errors import ADVICE, UnreadableStoreError, brief
from regsearch.figures.frames_answers import quick_answers
from regsearch.figures.frames_runs import StoredRun
from regsearch.tracking.database import MLFLOWS
from regsearch.tracking.labels import KIND, STUDY_ID
from regsearch.tracking.paging import pages
from regsearch.tracking.places import (
    absolute,
    artifact_folder,
    shown,
    upgrade_command,
)


class MlflowRuns:
    """A tracking store of any kind as `Runs`.

    Args:
        uri: MLflow's tracking URI.
        experiment: The experiment to look in; None is all of them.

    Raises:
        UnreadableStoreError: If it cannot be read.
    """

    def __init__(self, uri: str, experiment: str | None = None) -> None:
        self.uri = absolute(uri)
        self.name = shown(self.uri)
        with quick_answers(), self._answered():
            self._check()
            self._client = MlflowClient(self.uri)
            self._experiments = self._found(experiment)

    def studies(self) -> list[StoredRun]:
        return self._search(f"tags.`{KIND}` = 'study'", "DESC")

    def runs(self, study_id: str) -> list[StoredRun]:
        return self._search(f"tags.`{STUDY_ID}` = '{study_id}'", "ASC")

    def history(self, run: StoredRun, key: str) -> list[tuple[int, float]]:
        with self._answered():
            points = self._client.get_metric_history(run.run_id, key)
        return [(int(point.step), float(point.value)) for point in points]

    def _found(self, name: str | None) -> list[str]:
        if name is not None:
            experiment = self._client.get_experiment_by_name(name)
            return [] if experiment is None else [str(experiment.experiment_id)]
        found = pages(lambda token: self._client.search_experiments(page_token=token))
        return [str(experiment.experiment_id) for page in found for experiment in page]

    def _search(self, wanted: str, order: str) -> list[StoredRun]:
        if not self._experiments:
            return []
        by = [f"attributes.start_time {order}"]

        def ask(token: str | None) -> PagedList[Run]:
            with self._answered():
                return self._client.search_runs(
                    self._experiments, wanted, max_results=1000, order_by=by, page_token=token
                )

        found = [run for page in pages(ask) for run in page]
        return [_stored(run) for run in found if run.info.start_time is not None]

    def _check(self) -> None:
        """Looks at a database before MLflow does."""
        if not self.uri:  # MLflow would take a default of its own, and make it
            raise UnreadableStoreError(f"The tracking URI must not be empty. {ADVICE}")
        if artifact_folder(self.uri) is None:
            return  # a server looks after its own
        engine = sqlalchemy.create_engine(self.uri)
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
                f"{self.name} must be an MLflow database, but it holds "
                f"{', '.join(sorted(tables)[:5]) or 'nothing'}. {ADVICE}"
            )
        if version != _latest_revision(default=version):
            raise UnreadableStoreError(other_version(self.uri))

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Puts what MLflow says into a few words."""
        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
            raise UnreadableStoreError(
                f"MLflow at {self.name} must answer, but got: {brief(error)} Does it run, and "
                f"is it the right one? {ADVICE}"
            ) from None


def _stored(run: Run) -> StoredRun:
    info, data = run.info, run.data
    began, place = int(info.start_time), str(info.artifact_uri)
    known = (str(info.run_id), str(info.experiment_id), info.status, began, info.end_time, place)
    return StoredRun(*known, dict(data.tags), dict(data.params), dict(data.metrics))


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
