from __future__ import annotations

import csv
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from regsearch.testing.trackers import TrackerLaws
from regsearch.tracking.base import StudyCard, StudyTracker, Tracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.trials import Histogram, Outcome, Report, Trial
from tests.tracking.stores import artifact, by_number, history, runs, states

CARD = StudyCard("digits", "val_loss", "minimize", 4, {"sampler": "grid"}, "Which?")


@pytest.mark.slow  # each session starts a process that imports MLflow
class TestMLflowTracker(TrackerLaws):
    @pytest.fixture(autouse=True)
    def _database(self, tmp_path: Path, template: Path) -> None:
        shutil.copy(template, tmp_path / "mlflow.db")

    def make(self, folder: Path) -> Tracker:
        return MLflowTracker(f"sqlite:///{folder / 'mlflow.db'}", spool=folder / "spool")

    def states(self, tracker: Tracker, folder: Path) -> Mapping[int, str]:
        return states(f"sqlite:///{folder / 'mlflow.db'}")

    def values(self, tracker: Tracker, folder: Path, trial: int, metric: str) -> list[float]:
        assert isinstance(tracker, MLflowTracker)
        run = tracker.run_id(trial)
        assert run is not None
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        return [value for _, value in history(uri, run, metric)]


def _histogram(limit: float) -> Histogram:
    return Histogram((0,) * 28 + (1, 2, 3, 4, 5, 6, 7, 8) + (0,) * 28, limit, 9)


def _study(tracker: MLflowTracker) -> None:
    """A baseline, a complete trial, one stopped, one failed; the best one finishes first."""
    tracker.open(CARD)
    params = {"penalty": "elastic_net", "lam": 0.01, "l1_ratio": 0.5, "lr": 0.1}
    tracker.start(Trial(0, {"penalty": "none", "lam": 0.0}, seed=3))
    for number in (1, 2, 3):
        tracker.start(Trial(number, params, seed=3))
    for number in range(4):
        for step in range(3):
            metrics = {"val_loss": 1.0 / (1 + number + step), "bad": math.inf}
            limit = 2.0 if step == 2 else 1.0
            tracker.log(Report(number, step, metrics, {"net.weight": _histogram(limit)}))
    tracker.finish(Outcome(1, "complete", 0.25))
    tracker.finish(Outcome(0, "complete", 0.5))
    tracker.finish(Outcome(2, "pruned", 0.125))
    tracker.finish(Outcome(3, "failed", None, {}, "Traceback\nValueError: no"))
    tracker.summarize("# Digits", {"trials.csv": "number\n0\n"})
    tracker.close()


@pytest.fixture
def tracker(uri: str) -> MLflowTracker:
    tracker = MLflowTracker(uri)
    _study(tracker)
    return tracker


def test_a_study_as_people_find_it(tracker: MLflowTracker, uri: str, tmp_path: Path) -> None:
    (study,) = runs(uri, "study")
    trials = by_number(uri)
    assert (study.info.run_name, study.info.status) == ("digits", "FINISHED")
    assert [trials[n].info.status for n in range(4)] == ["FINISHED", "FINISHED", "KILLED", "FAILED"]
    assert trials[0].info.run_name == "0000 none"
    assert trials[1].info.run_name == "0001 elastic_net 1.0e-02"
    _check_params(study.data.params, trials[0].data.params, trials[1].data.params)
    _check_tags(study.info.run_id, [trials[n].data.tags for n in range(4)])
    assert study.data.tags["mlflow.note.content"] == "# Digits"
    assert set(history(uri, study.info.run_id, "best/val_loss")) == {(1, 0.25)}
    assert history(uri, trials[0].info.run_id, "val_loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert "bad" not in trials[0].data.metrics
    _check_files(uri, study.info.run_id, trials[3].info.run_id, tmp_path / "files")
    _check_places(tracker, tmp_path)


def _check_params(study: dict[str, str], baseline: dict[str, str], net: dict[str, str]) -> None:
    assert study == {"sampler": "grid", "monitor": "val_loss", "direction": "minimize"}
    assert baseline == {"penalty": "none", "lam": "0.0"}
    expected = {"penalty": "elastic_net", "lam": "0.01", "l1_ratio": "0.5", "lr": "0.1"}
    assert net == {**expected, "log10_lam": "-2.0"}


def _check_tags(study: str, tags: list[dict[str, str]]) -> None:
    assert {tag["mlflow.parentRunId"] for tag in tags} == {study}
    assert {tag["regsearch.study"] for tag in tags} == {"digits"}
    assert [tag["regsearch.trial_key"] for tag in tags] == [f"digits:{n}:0" for n in range(4)]
    reasons = [tag.get("regsearch.reason") for tag in tags]
    assert reasons == [None, None, "pruner", "ValueError: no"]
    assert tags[0]["mlflow.runColor"] != tags[1]["mlflow.runColor"] == tags[2]["mlflow.runColor"]


def _check_files(uri: str, study: str, failed: str, folder: Path) -> None:
    assert artifact(uri, study, "trials.csv", folder).read_text() == "number\n0\n"
    assert artifact(uri, failed, "error.txt", folder).read_text() == "Traceback\nValueError: no"
    rows = list(
        csv.DictReader(artifact(uri, failed, "metrics.csv", folder).read_text().splitlines())
    )
    assert [float(row["val_loss"]) for row in rows] == [1 / 4, 1 / 5, 1 / 6]
    assert {row["bad"] for row in rows} == {"inf"}
    with np.load(artifact(uri, failed, "weights/histograms.npz", folder), allow_pickle=False) as z:
        assert list(z["names"]) == ["net.weight"]
        assert z["counts/net.weight"].shape == (3, 64)
        assert set(z["counts/net.weight"].sum(axis=1)) == {36}
        assert list(z["zeros/net.weight"]) == [9, 9, 9]
        assert (z["edges/net.weight"][0], z["edges/net.weight"][-1]) == (-2.0, 2.0)
        assert list(z["steps/net.weight"]) == [0, 1, 2]


def _check_places(tracker: MLflowTracker, folder: Path) -> None:
    assert isinstance(tracker, StudyTracker)
    assert tracker.run_id(9) is None
    assert tracker.url is not None
    assert tracker.url.startswith("http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=")
    assert Path(str(tracker.place("trials.csv"))).read_text() == "number\n0\n"
    assert MLflowTracker().place("trials.csv") is None
    experiment = MlflowClient(tracker.tracking_uri).get_experiment_by_name("regsearch")
    assert experiment is not None
    assert experiment.artifact_location == (folder / "mlartifacts").as_uri()
    assert list((folder / ".regsearch" / "spool").iterdir()) == []


@pytest.mark.slow  # each session starts a process that imports MLflow
def test_going_on_keeps_the_study_and_its_best(uri: str) -> None:
    """The second session starts trial 0 again, as a study does that Optuna kept in memory only."""
    for session, value in enumerate((0.5, 0.75)):
        tracker = MLflowTracker(uri)
        tracker.open(StudyCard("digits", "val_loss", "minimize", 2 + session, {"at": f"{session}"}))
        for number in range(1 + session):
            tracker.start(Trial(number, {"penalty": "l1", "lam": value}, seed=0))
            tracker.finish(Outcome(number, "complete", value, {"val_loss": value}))
        tracker.close()
    (study,) = runs(uri, "study")
    assert study.info.status == "KILLED"  # no summary: it did not come to its end
    assert (study.data.params["at"], study.data.tags["regsearch.at"]) == ("0", "1")
    assert study.data.tags["regsearch.n_trials"] == "3"
    best = history(uri, study.info.run_id, "best/val_loss")
    assert best == [(0, 0.5), (0, 0.5), (1, 0.5)]
    assert sorted(run.data.params["lam"] for run in runs(uri)) == ["0.5", "0.75", "0.75"]
    last = [str(tracker.run_id(number)) for number in range(2)]
    assert [history(uri, run, "val_loss") for run in last] == [[(0, 0.75)], [(0, 0.75)]]


@pytest.mark.slow  # each session starts a process that imports MLflow
def test_more_than_a_batch_in_a_new_database(tmp_path: Path) -> None:
    tracker = MLflowTracker()
    tracker.open(CARD)
    tracker.start(Trial(0, {f"p{i}": "λ" * 7000 for i in range(120)}, seed=0))
    tracker.log(Report(0, 0, {f"m{i}": float(i) for i in range(2500)}))
    tracker.close()
    assert tracker.tracking_uri == "sqlite:///mlflow.db"
    assert states("sqlite:///mlflow.db") == {0: "interrupted"}
    assert {path.name for path in tmp_path.iterdir()} == {".regsearch", "mlflow.db", "mlartifacts"}
    (trial,) = runs("sqlite:///mlflow.db")
    assert trial.data.metrics == {f"m{i}": float(i) for i in range(2500)}
    assert len(trial.data.params) == 120
    assert trial.data.params["p0"] == "λ" * 5999 + "…"


def test_the_study_never_imports_mlflow() -> None:
    program = (
        "import sys, regsearch.tracking.mlflow as m; m.MLflowTracker();"
        "sys.exit(sorted({'mlflow', 'numpy', 'sqlalchemy'} & set(sys.modules)) != [])"
    )
    folder = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=folder)
