from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from regsearch.figures.archives import Shelf, StoredWeights, tracked
from regsearch.search.packing import curve_in, packed_curve, packed_weights, weights_in
from regsearch.tracking.histograms import archive
from regsearch.trials import Histogram, Report


def _read(file: bytes) -> StoredWeights:
    return weights_in(file, Shelf())


def _histogram(step: int) -> Histogram:
    counts = [(7 * step + 3 * bin) % 11 for bin in range(64)]
    return Histogram(tuple(counts), 2.0 ** (step % 3), 5 * step)


def _reports(n: int) -> list[Report]:
    shapes = {step: {"a.weight": _histogram(step), "b": _histogram(step + 1)} for step in range(n)}
    metrics = {0: {"val_loss": 0.5}, 1: {"val_loss": math.inf, "acc": 0.1}}
    return [Report(3, step, metrics.get(step, {"acc": 1 / 3}), shapes[step]) for step in range(n)]


def test_metrics_come_back_exactly() -> None:
    curve = curve_in(packed_curve(_reports(3)))
    assert curve["step"].tolist() == [0, 1, 2]
    assert curve["acc"].tolist()[1:] == [0.1, 1 / 3]
    assert curve["val_loss"].tolist()[:2] == [0.5, math.inf]
    assert curve.isna().sum().tolist() == [0, 1, 1]


def test_histograms_come_back_as_from_a_store() -> None:
    reports = _reports(5)
    names = ("a.weight", "b")
    series = {n: [(r.step, r.histograms[n]) for r in reports] for n in names}
    stored = tracked(archive(series), Shelf())
    found = _read(packed_weights(reports))
    assert list(found) == list(names)
    for name in names:
        for field in ("steps", "counts", "zeros", "edges"):
            assert np.array_equal(getattr(found[name], field), getattr(stored[name], field))
        assert found[name].counts.dtype == np.int64


def test_a_parameter_may_be_missing_now_and_then() -> None:
    reports = [Report(0, 0, {}, {"a": _histogram(0)}), Report(0, 4, {}, {"b": _histogram(1)})]
    found = _read(packed_weights(reports))
    assert found["a"].steps.tolist() == [0]
    assert found["b"].steps.tolist() == [4]


def test_any_text_is_a_name() -> None:
    names = ["a/b", "../c", "<script>", 'q"\n', "λ", "step", "trial"]
    report = Report(0, 0, dict.fromkeys(names, 1.0), {n: _histogram(0) for n in names})
    assert list(_read(packed_weights([report]))) == names
    curve = curve_in(packed_curve([report]))
    assert list(curve.columns) == ["step", *names[:5], "metric/step", "metric/trial"]


def test_without_metrics_and_histograms() -> None:
    reports = [Report(0, 0, {}), Report(0, 1, {})]
    assert curve_in(packed_curve(reports))["step"].tolist() == [0, 1]
    assert packed_weights(reports) == b""


def test_weights_that_are_all_zero_or_many() -> None:
    shapes = [Histogram((0,) * 64, 1.0, 640), Histogram((2**40,) * 64, 1.0, 0)]
    found = _read(
        packed_weights([Report(0, s, {}, {"w": shape}) for s, shape in enumerate(shapes)])
    )
    assert found["w"].counts.sum(axis=1).tolist() == [0, 2**46]


@pytest.mark.parametrize(("pack", "read"), [(packed_curve, curve_in), (packed_weights, _read)])
def test_a_damaged_file_is_said_to_be_one(
    pack: Callable[[list[Report]], bytes], read: Callable[[bytes], object]
) -> None:
    whole = pack(_reports(2))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w"):
        pass
    for damaged in (b"", b"text", whole[:-100], whole[: len(whole) // 2], empty.getvalue()):
        with pytest.raises(ValueError, match=r"."):
            read(damaged)
