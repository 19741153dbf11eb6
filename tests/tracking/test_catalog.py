from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.catalog import entries, exhibit
from regsearch.tracking.progress import Progress
from regsearch.tracking.saved_views import TAG
from regsearch.tracking.scribe import Scribe
from regsearch.tracking.store import Store
from regsearch.tracking.views import overview_id
from regsearch.trials import Report, Trial


def _study(uri: str, name: str, experiment: str, time: int) -> Store:
    store = Store(uri, experiment)
    card = StudyCard(name, "val_acc", "maximize", 1)
    opening = events.opened("s", uri, experiment, card) | {"time": time}
    scribe = Scribe(store, opening, Progress())
    start = events.started(Trial(0, {"penalty": "l1", "lam": 0.1}, seed=0))
    report = events.reported(Report(0, 0, {"val_acc": 0.5, "sparsity/all": 0.0}))
    for event in (opening, start, report, events.closed() | {"time": time + 10}):
        scribe.write(event)
    scribe.flush()
    return store


def test_the_last_studies_come_first(uri: str) -> None:
    _study(uri, "old", "a", 1000)
    _study(uri, "new", "b", 3000)
    _study(uri, "middle", "a", 2000)
    found = entries(uri, 2)
    assert [(entry.name, entry.experiment) for entry in found] == [("new", "b"), ("middle", "a")]
    assert (found[0].monitor, found[0].direction) == ("val_acc", "maximize")
    assert found[0].view == overview_id("new")
    assert f"viewStateShareKey={overview_id('new')}" in found[0].link("http://x", found[0].view)


def test_no_experiment_is_too_many(uri: str, tmp_path: Path) -> None:
    """MLflow lists a thousand at a time, the latest first."""
    _study(uri, "old", "a", 1000)
    rows = [(f"later {n}", "active", 10**15 + n) for n in range(1001)]
    columns = "name, lifecycle_stage, creation_time"
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.executemany(f"INSERT INTO experiments ({columns}) VALUES (?, ?, ?)", rows)
    assert [(entry.name, entry.experiment) for entry in entries(uri, 2)] == [("old", "a")]


def test_an_empty_store_has_none(uri: str) -> None:
    assert entries(uri, 5) == []


def test_a_study_without_views_gets_them(uri: str) -> None:
    store = _study(uri, "digits", "a", 1000)
    for name in store.tags():
        store.untag(name)
    (entry,) = entries(uri, 5)
    assert entry.view == ""
    assert "orderByKey=metrics.%60val_acc%60&orderByAsc=false" in entry.link("http://x", "")
    assert exhibit(uri, entry) == overview_id("digits")
    assert TAG + overview_id("digits") in store.tags()
