"""Real MLflow databases, read back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regsearch.figures import frames_tables
from regsearch.figures.archives import reports_of
from regsearch.figures.errors import UnknownStudyError
from regsearch.figures.frames import StudyReader, read_study, study_names
from regsearch.tracking import events
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.trials import Histogram, Outcome, Report, Trial
from tests.figures.stored import CARD, Session, empty_database
from tests.tracking.stores import Server


@pytest.fixture(params=["tables", "MLflow"])
def uri(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A database that is read directly, and one that is as if of a version that is not known."""
    if request.param == "MLflow":
        monkeypatch.setattr(frames_tables, "VERSIONS", set())
    return empty_database(tmp_path_factory.getbasetemp(), tmp_path)


def test_a_study_as_figures_see_it(uri: str) -> None:
    session = Session(uri)
    session.start(0, penalty="none", lam=0.0, width=8, act="relu")
    session.report(0, [0.5, 0.25])
    session.start(1, penalty="elastic_net", lam=0.01, l1_ratio=0.5, width=16, act="tanh")
    session.report(1, [0.75, 0.5, 0.25])
    session.finish(1, "pruned")
    session.finish(0)
    session.trial(2, 1.0, state="failed", error="Traceback\nValueError: no")
    session.close()
    data = read_study("digits", tracking_uri=uri)
    assert (data.name, data.monitor, data.direction) == ("digits", "val_loss", "minimize")
    assert data.extras == ("width", "act")
    rows = data.trials.set_index("number")
    assert rows["state"].tolist() == ["complete", "pruned", "failed"]
    assert rows["value"].tolist()[:2] == [0.25, 0.25]
    assert math.isnan(rows.loc[2, "value"])
    assert rows["penalty"].tolist() == ["none", "elastic_net", "l1"]
    assert rows["lam"].tolist() == [0.0, 0.01, 0.01]
    assert rows.loc[1, "l1_ratio"] == 0.5
    assert rows["width"].tolist()[:2] == [8, 16]
    assert rows["act"].tolist()[:2] == ["relu", "tanh"]
    assert rows["val_loss"].tolist() == [0.25, 0.25, 1.0]
    assert rows["reason"].tolist() == ["", "pruner", "ValueError: no"]
    assert rows["retry_of"].isna().all()
    assert (rows["seconds"] >= 0).all()
    assert rows.loc[0, "started"] == 0
    assert rows["started"].is_monotonic_increasing


def test_curves_are_all_reports(uri: str) -> None:
    session = Session(uri)
    session.trial(0, 0.5, 0.25)
    session.trial(1, 1.0)
    curves = read_study("digits", tracking_uri=uri).curves
    assert list(curves.columns) == ["trial", "step", "val_loss", "acc"]
    assert curves[["trial", "step", "val_loss"]].to_numpy().tolist() == [
        [0, 0, 0.5],
        [0, 1, 0.25],
        [1, 0, 1.0],
    ]


def test_weights_are_on_one_range(uri: str) -> None:
    session = Session(uri)
    session.trial(0, 0.5, 0.25, 0.125)
    session.start(1)
    session.finish(1, "failed", "lost: it died")
    weights = read_study("digits", tracking_uri=uri).weights
    assert list(weights) == [0]
    history = weights[0]["net.weight"]
    assert history.steps.tolist() == [0, 1, 2]
    assert history.zeros.tolist() == [0, 1, 2]
    assert history.counts.sum(axis=1).tolist() == [28, 28, 28]
    assert history.edges[[0, -1]].tolist() == [-4.0, 4.0]


def test_histograms_stay_in_their_files_until_they_are_drawn(uri: str, tmp_path: Path) -> None:
    session = Session(uri)
    session.trial(0, 0.5, 0.25)
    session.trial(1, 0.5)
    weights = read_study("digits", tracking_uri=uri).weights
    for file in _files(tmp_path, "histograms.npz"):
        file.unlink()
    assert [list(weights[number]) for number in weights] == [["net.weight"], ["net.weight"]]
    assert [reports_of(weights[number]) for number in weights] == [2, 1]
    assert len(weights[0]["net.weight"].steps) == 0


def test_running_trials_show_how_far_they_are(uri: str) -> None:
    session = Session(uri)
    session.trial(0, 0.5)
    session.start(1)
    session.report(1, [0.75, 0.5])
    session.start(2)
    reader = StudyReader(uri)
    data, goes_on = reader.read_running("digits")
    assert goes_on
    rows = data.trials.set_index("number")
    assert rows["state"].tolist() == ["complete", "running", "running"]
    assert rows["value"].isna().tolist() == [False, True, True]
    curve = data.curves[data.curves["trial"] == 1]
    assert curve["val_loss"].tolist() == [0.75, 0.5]
    session.report(1, [0.25], first=2)
    session.finish(1)
    session.close()
    data, goes_on = reader.read_running("digits")
    assert not goes_on
    rows = data.trials.set_index("number")
    assert rows.loc[1, ["state", "value"]].tolist() == ["complete", 0.25]
    assert rows.loc[2, ["state", "reason"]].tolist() == ["failed", "interrupted"]
    assert sorted(data.weights) == [0, 1]


def test_of_a_trials_attempts_the_last_one_counts(uri: str) -> None:
    session = Session(uri)
    session.trial(0, 9.0)
    session.start(1)
    session.report(1, [8.0])
    session.start(1, attempt=1)
    session.report(1, [0.25])
    session.finish(1)
    data = read_study("digits", tracking_uri=uri)
    assert data.trials[["number", "attempt", "value"]].to_numpy().tolist() == [
        [0, 0, 9],
        [1, 1, 0.25],
    ]
    assert data.curves["val_loss"].tolist() == [9.0, 0.25]


def test_a_study_that_goes_on_has_the_trials_of_all_its_starts(uri: str) -> None:
    first = Session(uri)
    first.trial(0, 0.5)
    first.trial(1, 0.75)
    first.close()
    second = Session(uri, name="two")
    second.trial(2, 0.25)
    second.close()
    assert read_study("digits", tracking_uri=uri).trials["number"].tolist() == [0, 1, 2]


def test_a_study_that_begins_anew_leaves_the_old_one_out(uri: str) -> None:
    first = Session(uri)
    for number in range(3):
        first.trial(number, 0.5)
    first.close()
    second = Session(uri, name="two")
    second.trial(0, 0.25)
    second.close()
    assert read_study("digits", tracking_uri=uri).trials["value"].tolist() == [0.25]


def test_a_study_without_trials(uri: str) -> None:
    Session(uri)
    data = read_study("digits", tracking_uri=uri)
    assert data.trials.empty
    assert {"number", "value", "penalty", "started"} <= {*data.trials.columns}
    assert list(data.curves.columns) == ["trial", "step", "val_loss"]
    assert data.curves.empty
    assert not data.weights


def test_more_may_be_better(uri: str) -> None:
    Session(uri, replace(CARD, direction="maximize", monitor="acc")).trial(0, 0.5)
    data = read_study("digits", tracking_uri=uri)
    assert (data.monitor, data.direction) == ("acc", "maximize")
    assert data.trials["value"].tolist() == [1.0]


def test_any_text_is_a_name_and_metrics_keep_theirs(uri: str) -> None:
    name = "<script>alert('no')</script>\n\"%s\" λ"
    session = Session(uri, replace(CARD, name=name, monitor="a[0]"))
    session.start(0)
    metrics = {"a[0]": 0.5, "step": 7.0, "trial": 8.0, "value": 9.0, "bad": math.inf}
    session.tell([events.reported(Report(0, 0, metrics))])
    session.start(1)
    session.tell([events.reported(Report(1, 0, {"a[0]": 0.25}))])
    session.finish(0)
    assert study_names(uri) == [name]
    data = read_study(name, tracking_uri=uri)
    shown = ["value", "a[0]", "metric/step", "metric/trial", "metric/value", "bad"]
    assert data.trials.loc[0, shown].tolist() == [0.5, 0.5, 7, 8, 9, math.inf]
    assert data.curves["a[0]"].tolist() == [0.5, 0.25]
    assert data.curves.loc[0, ["metric/step", "metric/trial"]].tolist() == [7, 8]


def test_a_value_that_is_not_finite_is_none(uri: str) -> None:
    Session(uri).trial(0, 0.5, math.nan, state="pruned", error="diverged: val_loss was nan")
    data = read_study("digits", tracking_uri=uri)
    assert data.trials["value"].isna().all()
    assert data.trials["reason"].tolist() == ["diverged"]


def _files(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"mlartifacts/**/{name}"))


def test_lost_files_leave_the_monitor(uri: str, tmp_path: Path) -> None:
    Session(uri).trial(0, 0.5, 0.25)
    for file in (*_files(tmp_path, "metrics.csv"), *_files(tmp_path, "histograms.npz")):
        file.unlink()
    data = read_study("digits", tracking_uri=uri)
    assert data.curves["val_loss"].tolist() == [0.5, 0.25]
    assert data.trials["value"].tolist() == [0.25]
    assert not data.weights


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"step,val_loss\n0,many\n", b"\xff\x00\n\x00"]
)
def test_damaged_files_leave_the_monitor(uri: str, tmp_path: Path, content: bytes) -> None:
    Session(uri).trial(0, 0.5, 0.25)
    for file in (*_files(tmp_path, "metrics.csv"), *_files(tmp_path, "histograms.npz")):
        file.write_bytes(content)
    data = read_study("digits", tracking_uri=uri)
    assert data.curves["val_loss"].tolist() == [0.5, 0.25]
    assert not data.weights


def test_what_has_ended_is_read_once(uri: str, tmp_path: Path) -> None:
    Session(uri).trial(0, 0.5, 0.25)
    reader = StudyReader(uri)
    first = reader.read("digits")
    for file in _files(tmp_path, "metrics.csv"):
        file.unlink()
    pd.testing.assert_frame_equal(reader.read("digits").curves, first.curves)


def test_unknown_studies_are_told_from_known_ones(uri: str) -> None:
    with pytest.raises(UnknownStudyError, match="There is none yet"):
        read_study("digits", tracking_uri=uri)
    Session(uri)
    Session(uri, replace(CARD, name="wide"), name="two", experiment="others")
    assert study_names(uri) == ["wide", "digits"]
    with pytest.raises(LookupError, match="got 'digit'. Known are: 'wide', 'digits'"):
        read_study("digit", tracking_uri=uri)
    with pytest.raises(UnknownStudyError, match="Known are: 'wide'"):
        read_study("digits", tracking_uri=uri, experiment="others")
    with pytest.raises(UnknownStudyError, match="There is none yet"):
        read_study("digits", tracking_uri=uri, experiment="no such")


def test_of_two_experiments_the_last_one_counts(uri: str) -> None:
    Session(uri).trial(0, 0.5)
    Session(uri, name="two", experiment="others").trial(0, 0.25)
    assert read_study("digits", tracking_uri=uri).trials["value"].tolist() == [0.25]
    data = read_study("digits", tracking_uri=uri, experiment="regsearch")
    assert data.trials["value"].tolist() == [0.5]


@pytest.mark.slow  # starts a server, and the process that ships
def test_a_server_is_read_as_a_database_is(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty_database(tmp_path_factory.getbasetemp(), tmp_path)
    server = Server(tmp_path, tmp_path / "mlflow.db")
    server.up()
    try:
        tracker = MLflowTracker(server.uri)
        tracker.open(CARD)
        for number in range(3):
            tracker.start(Trial(number, {"penalty": "l1", "lam": 0.1}, 0))
            for step in range(2):
                shapes = {"w": Histogram((1,) * 64, 1.0, 3)} if number else {}
                tracker.log(Report(number, step, {"val_loss": 0.5 - step / 4}, shapes))
            tracker.finish(Outcome(number, "complete", 0.25))
        tracker.start(Trial(3, {"penalty": "l1", "lam": 0.1}, 0))
        tracker.finish(Outcome(3, "failed", None, {}, "ValueError: no"))
        tracker.close()
        data = read_study("digits", tracking_uri=server.uri)
        assert data.trials["state"].tolist() == ["complete"] * 3 + ["failed"]
        assert data.curves["val_loss"].tolist() == [0.5, 0.25] * 3
        assert sorted(data.weights) == [1, 2]
        assert np.array_equal(data.weights[1]["w"].zeros, [3, 3])
    finally:
        server.down()
