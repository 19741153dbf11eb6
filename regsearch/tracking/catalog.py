"""The studies in a tracking store, the one that was worked on last first."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Experiment, Run

from regsearch.tracking import labels
from regsearch.tracking.base import StudyCard
from regsearch.tracking.names import key
from regsearch.tracking.paging import pages
from regsearch.tracking.places import study_url, view_url
from regsearch.tracking.progress import Progress
from regsearch.tracking.saved_views import TAG
from regsearch.tracking.showcase import Showcase
from regsearch.tracking.store import Store
from regsearch.tracking.views import overview_id
from regsearch.trials import Direction


@dataclass(frozen=True)
class Entry:
    """A study as people look for it.

    Attributes:
        name: Its name.
        study_id: What stands for it where only letters and digits are safe.
        experiment: Its experiment's name.
        experiment_id: MLflow's id of that.
        monitor: The metric that was optimised.
        direction: Whether small or large values of it are good.
        touched: When it was worked on last, in milliseconds.
        view: The id of its Overview; "" if there is none.
    """

    name: str
    study_id: str
    experiment: str
    experiment_id: str
    monitor: str
    direction: Direction
    touched: int
    view: str

    def link(self, server: str, view: str) -> str:
        """Returns the link to its charts on a server, or to its Overview if there is one."""
        if view:
            return view_url(server, self.experiment_id, view)
        ascending = self.direction == "minimize"
        order = key(self.monitor or "loss/total")
        return study_url(server, self.experiment_id, self.study_id, order, ascending=ascending)


def entries(uri: str, most: int) -> list[Entry]:
    """Returns the last studies of a store.

    Raises:
        Exception: Whatever MLflow raises where the store cannot be read.
    """
    client = MlflowClient(uri)
    found = [_entry(run, page) for page in _experiments(client) for run in _studies(client, page)]
    return sorted(found, key=lambda entry: -entry.touched)[:most]


def _experiments(client: MlflowClient) -> Iterator[dict[str, Experiment]]:
    """Yields the experiments by id, a page at a time."""
    for page in pages(lambda token: client.search_experiments(page_token=token)):
        yield {experiment.experiment_id: experiment for experiment in page}


def _studies(client: MlflowClient, experiments: Iterable[str]) -> Iterator[Run]:
    wanted = f"tags.`{labels.KIND}` = 'study'"
    for page in pages(lambda token: client.search_runs([*experiments], wanted, page_token=token)):
        yield from page


def _entry(run: Run, experiments: Mapping[str, Experiment]) -> Entry:
    info, tags = run.info, run.data.tags
    fact = functools.partial(labels.fact, tags, run.data.params)
    name = tags.get("regsearch.study", info.run_name)
    view = overview_id(name)
    experiment = experiments[info.experiment_id]
    return Entry(
        name=name,
        study_id=tags.get(labels.STUDY_ID, ""),
        experiment=experiment.name,
        experiment_id=info.experiment_id,
        monitor=fact("monitor"),
        direction="maximize" if fact("direction") == "maximize" else "minimize",
        touched=max(info.start_time, info.end_time or 0),
        view=view if TAG + view in experiment.tags else "",
    )


def exhibit(uri: str, entry: Entry) -> str:
    """Puts up a study's views as this version lays them out.

    Returns:
        The id of its Overview; "" if there is none now.
    """
    store, progress = Store(uri, entry.experiment), Progress(view=entry.view)
    showcase = Showcase(store, progress, store.runs(labels.STUDY_ID, entry.study_id))
    card = StudyCard(entry.name, entry.monitor, entry.direction, 0)
    showcase.refresh(card, int(time.time() * 1000))
    return progress.view
