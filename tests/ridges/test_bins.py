from __future__ import annotations

import numpy as np
import pytest

from regsearch.ridges.bins import Ridges, evenly, rebinned, ridges
from regsearch.trials import Histogram


def _ridges(rows: list[list[float]], limit: float = 1.0, zeros: int = 0) -> Ridges:
    counts = np.array(rows, dtype=float)
    sizes = counts.sum(axis=1).astype(int) + zeros
    return Ridges(np.arange(len(rows)), counts, np.full(len(rows), zeros), sizes, limit)


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_widening_by_a_power_of_two_merges_as_histograms_do(factor: int) -> None:
    counts = np.random.default_rng(0).integers(0, 50, 64)
    histogram = Histogram(tuple(counts.tolist()), 0.5, 3)
    found = rebinned(counts.astype(float), 0.5, 0.5 * factor, 64)
    assert found.tolist() == list(histogram.widened(0.5 * factor).counts)


@pytest.mark.parametrize(("limit", "bins"), [(1.0, 64), (1.7, 64), (3.0, 10), (1.0, 7)])
def test_no_weight_is_lost_on_a_range_that_holds_them(limit: float, bins: int) -> None:
    counts = np.random.default_rng(1).integers(0, 50, (5, 64)).astype(float)
    found = rebinned(counts, 1.0, limit, bins)
    assert found.shape == (5, bins)
    np.testing.assert_allclose(found.sum(axis=1), counts.sum(axis=1))


def test_a_narrower_range_leaves_out_what_lies_beyond_it() -> None:
    found = rebinned(np.array([5.0, 8.0, 6.0, 7.0]), 2.0, 1.0, 4)
    assert found.tolist() == [4.0, 4.0, 3.0, 3.0]


def test_reports_on_different_ranges_come_onto_the_widest() -> None:
    series = [(0, Histogram((1, 2, 3, 4), 0.5, 7)), (4, Histogram((0, 5, 6, 0), 1.0, 8))]
    found = ridges(series)
    assert found.limit == 1.0
    assert found.steps.tolist() == [0, 4]
    assert found.counts.tolist() == [[0, 3, 7, 0], [0, 5, 6, 0]]
    assert found.sizes.tolist() == [17, 19]
    assert found.shares.tolist() == [7 / 17, 8 / 19]


def test_ranges_that_differ_by_no_power_of_two_and_other_bins_are_drawn_all_the_same() -> None:
    series = [(0, Histogram((4, 4), 1.0, 0)), (1, Histogram((1,) * 6, 3.0, 0))]
    found = ridges(series)
    assert found.counts.tolist() == [[0, 0, 4, 4, 0, 0], [1] * 6]


@pytest.mark.parametrize(
    ("row", "reach"),
    [([0, 0, 0, 0], 0.0), ([0, 1, 0, 0], 0.5), ([0, 0, 0, 2], 1.0), ([3, 0, 0, 0], 1.0)],
)
def test_the_reach_is_the_outermost_end_of_a_bin_with_weights(row: list[int], reach: float) -> None:
    assert _ridges([row]).reach == reach


def test_a_cut_keeps_the_bins_and_the_share_of_zeros() -> None:
    whole = _ridges([[9, 1, 2, 0, 0, 4, 1, 7]], limit=2.0, zeros=8)
    cut = whole.cut(1.0)
    assert (cut.counts.tolist(), cut.limit) == ([[2, 0, 0, 4]], 1.0)
    assert cut.shares.tolist() == whole.shares.tolist() == [0.25]


@pytest.mark.parametrize("bins", [1, 2, 5, 64])
def test_a_cut_to_nothing_leaves_a_bin_or_two(bins: int) -> None:
    cut = _ridges([[0] * bins]).cut(0.0)
    assert cut.counts.shape == (1, 2 - bins % 2)


def test_shares_of_nothing_are_zero() -> None:
    assert _ridges([[0, 0]]).shares.tolist() == [0.0]


def test_thinning_keeps_the_first_report_and_the_last() -> None:
    found = _ridges([[float(i)] for i in range(100)]).thinned(7)
    assert len(found.steps) == 7
    assert found.steps[[0, -1]].tolist() == [0, 99]
    assert found.counts[:, 0].tolist() == found.steps.tolist()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 10, 99])
@pytest.mark.parametrize("most", [1, 2, 3, 10, 50])
def test_an_even_choice_has_no_position_twice(length: int, most: int) -> None:
    found = evenly(length, most)
    assert len(found) == min(length, most)
    assert found == sorted(set(found))
    assert set(found) <= set(range(length))
