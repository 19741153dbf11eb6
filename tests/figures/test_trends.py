from __future__ import annotations

import numpy as np
import pytest

from regsearch.figures.trends import trend


def test_a_bowl_keeps_its_bottom() -> None:
    x = np.linspace(-5, -1, 60)
    grid, y = trend(x, (x + 3) ** 2, share=0.1)
    assert grid[y.argmin()] == pytest.approx(-3, abs=0.1)


def test_a_curve_is_never_better_than_all_points() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.uniform(-5, -1, 12), generator.normal(size=12)
    curve = trend(x, y)[1]
    assert y.min() <= curve.min()
    assert curve.max() <= y.max()


def test_few_places_make_no_curve() -> None:
    assert len(trend([1.0, 1.0, 1.0, 2.0, 2.0, 3.0], np.arange(6.0))[0]) == 0
    assert len(trend([], [])[0]) == 0
