from __future__ import annotations

import json

import numpy as np
import pytest

from regsearch.ridges.bins import Counts, Ridges
from regsearch.ridges.packing import DIGITS, LEVELS, embedded, heights, packed, scale


def _unpacked(text: str, peak: float) -> Counts:
    """Reads heights as the page's script does."""
    digits = [DIGITS.index(digit) for digit in text]
    levels = np.array(digits[::2]) * 64 + np.array(digits[1::2])
    return np.square(levels / LEVELS) * peak


def test_counts_up_to_two_thousand_come_back_exactly() -> None:
    counts = np.arange(2001.0)
    found = _unpacked(heights(counts, 2000.0), 2000.0)
    assert np.rint(found).tolist() == counts.tolist()


def test_large_counts_come_back_to_three_digits() -> None:
    counts = np.geomspace(1e5, 1e9, 200)
    np.testing.assert_allclose(_unpacked(heights(counts, 1e9), 1e9), counts, rtol=0.03)
    np.testing.assert_allclose(_unpacked(heights(counts[150:], 1e9), 1e9), counts[150:], rtol=1e-3)


def test_one_weight_is_seen_beside_a_billion() -> None:
    assert heights(np.array([0.0, 1.0, 1e9]), 1e9) == "AAAB" + DIGITS[-1] * 2


def test_all_zeros_and_nothing_are_fine() -> None:
    assert heights(np.zeros((2, 3)), 0.0) == "AA" * 6
    assert heights(np.zeros((0, 3)), 1.0) == ""


def test_two_characters_a_bin_whatever_is_counted() -> None:
    counts = np.array([[1.0, 2.0, 3.0]] * 4)
    ridges = Ridges(np.arange(4), counts, np.ones(4, int), np.full(4, 7), 1.0)
    found = packed(ridges, 3.0)
    assert len(found["heights"]) == 2 * counts.size
    assert found["steps"] == [0, 1, 2, 3]
    assert found["zeros"] == [0.1429] * 4


@pytest.mark.parametrize(
    ("zeros", "shown"), [(0, 0.0), (1, 0.0001), (50_000, 0.5), (99_999, 0.9999), (100_000, 1.0)]
)
def test_all_and_none_are_said_of_nothing_less(zeros: int, shown: float) -> None:
    counts, of = np.array([[100_000.0 - zeros]]), np.array([100_000])
    found = packed(Ridges(np.arange(1), counts, np.array([zeros]), of, 1.0), 1.0)
    assert found["zeros"] == [shown]


@pytest.mark.parametrize("name", ["</script><script>", "<!--", "\u2028", "\ud800", '"\\\n', "]]>"])
def test_no_name_ends_the_script_it_stands_in(name: str) -> None:
    text = embedded({"name": name, name: 1})
    assert "<" not in text
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text) == {"name": name, name: 1}


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        embedded(scale(float("nan"), 1, 1.0))
