from __future__ import annotations

import pytest

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.places import local_path
from regsearch.tracking.progress import Progress
from regsearch.tracking.saved_views import TAG, opened
from regsearch.tracking.scribe import Scribe
from regsearch.tracking.store import Store
from regsearch.tracking.views import overview_id
from regsearch.trials import Histogram, Outcome, Report, Trial

CARD = StudyCard("digits", "val_loss", "minimize", 4)
ELASTIC = {"penalty": "elastic_net", "lam": 0.1, "l1_ratio": 0.5}
LASSO = {"penalty": "l1", "lam": 0.1}
OVERVIEW = TAG + overview_id("digits")


def _session(store: Store, session: str) -> tuple[Scribe, Progress]:
    progress = Progress()
    opening = events.opened(session, "uri", "regsearch", CARD)
    scribe = Scribe(store, opening, progress)
    scribe.write(opening)
    return scribe, progress


def _trial(scribe: Scribe, number: int, params: dict[str, object], layers: int = 1) -> None:
    scribe.write(events.started(Trial(number, params, seed=0)))
    names = [f"net.{i}.weight" for i in range(layers)]
    metrics = {"val_loss": 0.5, "sparsity/all": 0.5}
    metrics |= {f"{family}/{n}": 0.5 for family in ("sparsity", "weight_norm") for n in names}
    histograms = dict.fromkeys(names, Histogram((1, 2), 1.0, 3))
    scribe.write(events.reported(Report(number, 0, metrics, histograms)))
    scribe.write(events.finished(Outcome(number, "complete", 0.5)))
    scribe.flush()


def _charts(store: Store, view: str) -> list[str]:
    _, state = opened(store.tags()[view])
    return [chart["type"] for chart in state["compareRunCharts"]]


@pytest.fixture
def store(uri: str) -> Store:
    return Store(uri, "regsearch")


def test_views_come_with_the_first_report_and_grow_with_the_study(store: Store) -> None:
    scribe, progress = _session(store, "a")
    scribe.flush()
    assert (progress.view, store.tags()) == ("", {})
    _trial(scribe, 0, LASSO)
    assert progress.view == overview_id("digits")
    assert "CONTOUR" not in _charts(store, OVERVIEW)
    _trial(scribe, 1, ELASTIC, layers=2)
    assert "CONTOUR" in _charts(store, OVERVIEW)
    weights = OVERVIEW.replace("overview", "weights")
    assert _charts(store, weights).count("LINE") == 3 * 2
    assert progress.remark == ""


def test_a_study_that_goes_on_remembers_its_earlier_trials(store: Store) -> None:
    _trial(_session(store, "a")[0], 0, ELASTIC, layers=12)
    before = store.tags()
    scribe, progress = _session(store, "b")
    _trial(scribe, 1, LASSO, layers=12)
    assert store.tags() == before
    assert progress.view == overview_id("digits")


def test_what_is_shipped_already_counts_for_who_takes_over(store: Store) -> None:
    _trial(_session(store, "a")[0], 0, LASSO)
    scribe, _ = _session(store, "a")
    scribe.recall(events.started(Trial(1, ELASTIC, seed=0)))
    scribe.flush()
    assert "CONTOUR" in _charts(store, OVERVIEW)


def test_the_files_of_a_study_have_a_place(store: Store) -> None:
    scribe, progress = _session(store, "a")
    scribe.write(events.summarized("Done.", {"trials.csv": "number\n0\n"}))
    scribe.write(events.summarized("Drawn.", {"report.html": "<p>"}))
    (run,) = store.runs("regsearch.kind", "study")
    assert run.tags["mlflow.note.content"] == "Drawn."
    assert "ranking.json" in run.tags["mlflow.loggedArtifacts"]
    folder = local_path(progress.folder)
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == [
        "ranking.json",
        "report.html",
        "trials.csv",
    ]


def test_a_table_that_cannot_be_ranked_holds_up_nothing(store: Store) -> None:
    scribe, progress = _session(store, "a")
    files = {"trials.csv": f"number\n{'1' * 200_000}\n", "report.html": "<p>"}
    scribe.write(events.summarized("Done.", files))
    folder = local_path(progress.folder)
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    (run,) = store.runs("regsearch.kind", "study")
    assert run.tags["mlflow.note.content"] == "Done."
    assert "mlflow.loggedArtifacts" not in run.tags  # it would lead nowhere


def test_a_damaged_event_tells_nothing(store: Store) -> None:
    scribe, progress = _session(store, "a")
    scribe.recall({"kind": "report", "number": 7, "time": 0, "metrics": {"a": None}})
    _trial(scribe, 0, LASSO)
    assert progress.view == overview_id("digits")


def test_views_are_no_reason_to_hold_up_a_study(uri: str) -> None:
    class Broken(Store):
        def tags(self) -> dict[str, str]:
            raise ValueError("no")

    store = Broken(uri, "regsearch")
    scribe, progress = _session(store, "a")
    _trial(scribe, 0, LASSO)
    assert (progress.remark, progress.view) == ("ValueError: no", "")
    assert len(store.runs("regsearch.kind", "trial")) == 1
