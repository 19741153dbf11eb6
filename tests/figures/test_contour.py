from __future__ import annotations

import numpy as np

from regsearch.figures.contour import contour, surface
from tests.figures.synthetic import ODD, study


def test_a_surface_is_flat_over_flat_points_and_blank_far_from_any() -> None:
    x, y = np.array([0.0, 0.1, 1.0, 0.9]), np.array([0.0, 0.1, 0.9, 1.0])
    heights = surface(x, y, np.full(4, 2.0))[2]
    np.testing.assert_allclose(heights[~np.isnan(heights)], 2.0)
    assert np.isnan(heights[0, -1])
    assert not np.isnan(heights[0, 0])


def test_a_surface_rises_where_its_points_do() -> None:
    grid = np.linspace(0, 1, 6)
    x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
    heights = surface(x, y, 2 * x)[2]
    assert (np.diff(heights, axis=1) > 0).all()  # columns are places on x
    np.testing.assert_allclose(heights[0], heights[-1])


def test_bright_is_good() -> None:
    low_is_good = contour(study(trials=60)).data[0]
    high_is_good = contour(ODD["maximized"]()).data[0]
    assert (low_is_good.reversescale, high_is_good.reversescale) == (True, False)


def test_a_study_without_ratios_has_no_map() -> None:
    assert "l1_ratio" in contour(ODD["one kind"]()).layout.annotations[0].text
