"""What a study remembers of its trials' reports, over its starts and without a tracker's help."""

from __future__ import annotations

import math
import shutil
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regsearch.figures.weights_widget import weights_widget
from regsearch.search.album import CURVE, WEIGHTS, Album
from regsearch.search.packing import packed_weights
from regsearch.tracking.trouble import TrackingWarning
from regsearch.trials import Histogram, OnReport, Outcome, Report, Trial
from tests.figures import synthetic
from tests.search.tasks import EPOCHS
from tests.search.toys import DB, curve, go, loss, study, trained

FILES = Path("study.db.files/1")
SHAPE = {"w": Histogram((1,) * 64, 1.0, 6)}


def shaped(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Trains as `trained()` does, with a histogram in each report, and without pruning."""
    for trial in trials:
        for step, value in enumerate(curve(trial)):
            on_report(Report(trial.number, step, {"val_loss": value, "acc": 1 - value}, SHAPE))
        yield Outcome(trial.number, "complete", value, {"val_loss": value, "acc": 1 - value})


def _followed(album: Album, number: int, values: list[float]) -> None:
    album.start(Trial(number, {"penalty": "l1", "lam": 0.1}, seed=0))
    for step, value in enumerate(values):
        album.log(Report(number, step, {"val_loss": value}, SHAPE))
    album.finish(Outcome(number, "complete", values[-1] if values else None))


def test_trials_are_kept_when_they_end(tmp_path: Path) -> None:
    album = Album(tmp_path / "album")
    assert album.curve(0) is None
    assert not album.weights
    album.start(Trial(0, {}, seed=0))
    album.log(Report(0, 0, {"val_loss": 0.5}))
    assert not (tmp_path / "album").exists()
    _followed(album, 0, [0.5, 0.25])
    _followed(album, 11, [0.75])
    _followed(album, 2, [])
    again = Album(tmp_path / "album")
    found = again.curve(0)
    assert found is not None
    assert found["val_loss"].tolist() == [0.5, 0.25]
    assert again.curve(2) is None
    assert list(again.weights) == [0, 11]
    assert again.weights[0]["w"].zeros.tolist() == [6, 6]
    assert len(again.weights) == 2


def test_a_retry_takes_the_place_of_the_lost_attempt(tmp_path: Path) -> None:
    album = Album(tmp_path)
    album.start(Trial(0, {}, seed=0))
    album.log(Report(0, 0, {"val_loss": 9.0}))
    _followed(album, 0, [0.5])
    found = album.curve(0)
    assert found is not None
    assert found["val_loss"].tolist() == [0.5]


def test_what_makes_no_sense_is_ignored(tmp_path: Path) -> None:
    album = Album(tmp_path)
    album.log(Report(7, 0, {"val_loss": 1.0}))
    album.finish(Outcome(7, "failed", None))
    album.close()
    album.close()
    assert not list(tmp_path.iterdir())


def test_damaged_files_are_not_drawn(tmp_path: Path) -> None:
    album = Album(tmp_path)
    _followed(album, 0, [0.5])
    for file in list(tmp_path.iterdir()):
        file.write_bytes(file.read_bytes()[:300])
    (tmp_path / "notes.weights.npz").write_bytes(b"by somebody else")
    assert album.curve(0) is None
    assert album.weights[0] == {}
    assert list(album.weights) == [0]


def test_a_full_disk_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "album").write_text("no folder")
    album = Album(tmp_path / "album")

    def all_end() -> None:
        for number in range(3):
            _followed(album, number, [0.5])

    with pytest.warns(TrackingWarning, match="album must take what trials reported") as caught:
        all_end()
    assert len(caught) == 1


def test_the_weights_of_many_trials_are_never_in_memory_together(tmp_path: Path) -> None:
    trials, layers, reports = 120, 3, 40
    shapes = {f"{n}.weight": Histogram((n + 1,) * 64, 1.0, 6) for n in range(layers)}
    file = packed_weights([Report(0, step, {}, shapes) for step in range(reports)])
    for number in range(trials):
        (tmp_path / f"{number}{WEIGHTS}").write_bytes(file)
    data = replace(synthetic.study(trials=trials, epochs=2), weights=Album(tmp_path).weights)
    tracemalloc.start()
    try:
        fragment = weights_widget([data])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fragment.count("2.weight") == 1
    assert peak < trials * layers * reports * 64 * 8 / 2  # half of all the counts


def test_figures_get_every_report_of_every_start() -> None:
    go(study(3, storage=DB, pruner=None), train=shaped)
    result = go(study(5, storage=DB, pruner=None), train=shaped)
    data = result.data
    assert (data.name, data.monitor, data.direction) == ("toy", "val_loss", "minimize")
    pd.testing.assert_frame_equal(data.trials, result.trials)
    assert data.curves.groupby("trial").size().tolist() == [EPOCHS] * 5
    assert list(data.curves.columns) == ["trial", "step", "val_loss", "acc"]
    last = data.curves.groupby("trial")["val_loss"].last()
    assert last.tolist() == result.trials["value"].tolist()
    assert sorted(data.weights) == list(range(5))
    assert data.trials.loc[0, "started"] == 0
    assert data.trials["started"].is_monotonic_increasing


def test_without_an_album_there_is_what_optuna_knows() -> None:
    go(study(3, storage=DB, pruner=None), train=shaped)
    shutil.rmtree(FILES / "album")
    data = go(study(4, storage=DB, pruner=None), train=shaped).data
    assert data.curves.groupby("trial").size().tolist() == [EPOCHS] * 4
    assert data.curves["acc"].notna().sum() == EPOCHS
    assert list(data.weights) == [3]


def test_what_stands_in_for_a_diverged_value_is_not_drawn() -> None:
    values = trained(lambda trial: iter([0.5, math.nan]))
    result = go(study(2, storage=DB), train=values)
    shutil.rmtree(FILES / "album")
    assert result.data.curves["val_loss"].tolist() == [0.5, 0.5]


def test_a_trial_that_goes_on_at_a_checkpoint_has_the_reports_from_before() -> None:
    def stops(trial: Trial) -> Iterator[float]:
        yield from [1.0, 0.5]
        raise KeyboardInterrupt

    def goes_on(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            on_report(Report(trial.number, 2, {"val_loss": 0.25, "acc": 0.75}))
            yield Outcome(trial.number, "complete", 0.25)

    with pytest.raises(KeyboardInterrupt):
        go(study(1, storage=DB, pruner=None), train=trained(stops))
    result = go(study(1, storage=DB, pruner=None), train=goes_on)
    assert result.trials["reason"].tolist() == ["interrupted", ""]
    assert result.data.curves["val_loss"].tolist() == [1.0, 0.5, 1.0, 0.5, 0.25]
    assert result.data.curves["acc"].notna().sum() == 1


def test_a_study_whose_storage_was_deleted_leaves_no_reports() -> None:
    go(study(5, storage=DB, pruner=None), train=shaped)
    Path("study.db").unlink()
    data = go(study(2, storage=DB, pruner=None), train=trained()).data
    assert sorted(data.curves["trial"].unique()) == [0, 1]
    assert not data.weights


def test_in_memory_too() -> None:
    result = go(study(2, storage=None, pruner=None), train=shaped)
    assert np.isclose(result.data.curves["val_loss"].min(), loss(result.best.params) + 1 / EPOCHS)
    assert len(result.data.weights) == 2


def test_a_study_that_failed_altogether_has_data() -> None:
    def fails(trial: Trial) -> Iterator[float]:
        raise RuntimeError("no")

    asked = study(2, storage=DB)
    with pytest.raises(RuntimeError, match="5 trials in a row"):
        go(asked, train=trained(fails))
    assert not list(FILES.glob("album/*"))


def test_what_is_not_the_albums_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / f"7{CURVE}").write_bytes(b"old")
    Album(tmp_path).keep_only({1})
    assert [path.name for path in tmp_path.iterdir()] == ["a folder"]
