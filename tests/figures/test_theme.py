from __future__ import annotations

import re
from itertools import combinations

import pytest

from regsearch.figures.theme import DARK, LAYER_COLORS, PAPER, STUDY_COLORS, penalty_color
from regsearch.palette import PENALTY_COLORS


def _luminance(color: str) -> float:
    """Returns WCAG's relative luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "color", [*PENALTY_COLORS.values(), *STUDY_COLORS, *LAYER_COLORS, penalty_color("mine")]
)
def test_colours_can_be_seen_on_light_and_dark(color: str) -> None:
    assert _contrast(color, PAPER) > 1.7
    assert _contrast(DARK.get(color, color), DARK[PAPER]) > 3


def test_colours_differ_on_either_page() -> None:
    for page in ({}, DARK):
        for palette in (PENALTY_COLORS.values(), STUDY_COLORS):
            shown = [page.get(color, color) for color in palette]
            assert all(a != b for a, b in combinations(shown, 2))


def test_colours_can_be_exchanged_by_text() -> None:
    assert all(re.fullmatch(r"#[0-9a-f]{6}", color) for pair in DARK.items() for color in pair)
    assert not DARK.keys() & {*DARK.values()}
