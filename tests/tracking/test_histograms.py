from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regsearch.tracking.histograms import archive
from regsearch.trials import Histogram


def _load(content: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_all_epochs_stand_on_the_widest_range() -> None:
    narrow, wide = Histogram((1, 2, 3, 4), 0.5, 7), Histogram((0, 5, 6, 0), 1.0, 8)
    found = _load(archive({"w": [(0, narrow), (2, wide), (3, narrow)]}))
    assert found["counts/w"].tolist() == [[0, 3, 7, 0], [0, 5, 6, 0], [0, 3, 7, 0]]
    assert found["zeros/w"].tolist() == [7, 8, 7]
    assert found["edges/w"].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert found["steps/w"].tolist() == [0, 2, 3]


def test_each_parameter_has_a_range_of_its_own() -> None:
    histories = {f"net.{i}": [(0, Histogram((1,) * 8, 2.0**i, 0))] for i in range(3)}
    found = _load(archive(histories))
    assert found["names"].tolist() == ["net.0", "net.1", "net.2"]
    assert [found[f"edges/net.{i}"][-1] for i in range(3)] == [1.0, 2.0, 4.0]


def test_what_does_not_fit_is_left_out() -> None:
    odd = [(0, Histogram((1, 1, 1, 1), 1.0, 0)), (1, Histogram((1, 1, 1, 1), 3.0, 0))]
    bins = [(0, Histogram((1, 1, 1, 1), 1.0, 0)), (1, Histogram((1,) * 8, 1.0, 0))]
    zero = [(0, Histogram((0, 0, 0, 0), 0.0, 5))]
    good = [(0, Histogram((1, 1, 1, 1), 1.0, 0))]
    assert _load(archive({"odd": odd, "bins": bins, "zero": zero, "good": good}))["names"] == "good"


def test_nothing_gives_nothing() -> None:
    assert archive({}) == b""
