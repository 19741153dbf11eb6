"""Which strengths an axis shows: one trial with a λ of 1e-12 must not squeeze all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regsearch.figures.labels import count, strength

Floats = NDArray[np.float64]

_APART = 3.0  # decades between a lone λ and all others, and more than the others span
_FEWEST = 4  # others
_SHARE = 20  # one in so many trials may be left out


def usual(lams: ArrayLike, kept: ArrayLike = ()) -> tuple[float, float] | None:
    """Returns the smallest and largest λ but for the few that lie decades away from all others.

    Args:
        lams: Strengths; those that are not positive do not count.
        kept: Strengths that are shown in any case.

    Returns:
        The ends, or None if there is no strength.

    Example:
        >>> usual([1e-12, 1e-4, 1e-3, 2e-3, 1e-2, 0.0])
        (0.0001, 0.01)
        >>> usual([1e-12, 1e-4, 1e-3, 2e-3, 1e-2], kept=[1e-12])
        (1e-12, 0.01)
    """
    shown = np.sort(_positive(lams))
    if not shown.size:
        return None
    logs = np.log10(shown)
    ends = shown[_lone(logs)], shown[len(shown) - 1 - _lone(-logs[::-1])]
    found = [*ends, *_positive(kept)]
    return float(min(found)), float(max(found))


def is_usual(lams: ArrayLike, ends: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Tells which strengths lie between the ends."""
    low, high = ends or (0.0, np.inf)
    given = np.asarray(lams, dtype=float)
    return (given >= low) & (given <= high)


def beyond_note(lams: ArrayLike, ends: tuple[float, float] | None) -> str:
    """Says how many trials an axis does not show, and where the farthest is; "" if none."""
    given = _positive(lams)
    out = np.sort(given[~is_usual(given, ends)])
    if not out.size or ends is None:
        return ""
    is_left = out[0] < ends[0]
    mark, side, farthest = ("◀", "left", out[0]) if is_left else ("▶", "right", out[-1])
    return f"{mark} {count(out.size, 'trial')} {side} of the axis, λ {strength(farthest)}"


def _positive(lams: ArrayLike) -> Floats:
    given: Floats = np.asarray(lams, dtype=float)
    positive: Floats = given[np.isfinite(given) & (given > 0)]
    return positive


def _lone(logs: Floats) -> int:
    """Returns how many of the rising numbers lie far before all others."""
    most = min(max(1, len(logs) // _SHARE), len(logs) - _FEWEST)
    far = [k for k in range(1, most + 1) if logs[k] - logs[k - 1] > max(_APART, logs[-1] - logs[k])]
    return max(far, default=0)
