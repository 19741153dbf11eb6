"""Histograms as short text that a page's script reads: two characters a bin.

A ridge is as high as the square root of its count, so it is the root that travels, as 4095ths of
the highest: counts are exact up to some two thousand, and good to three digits beyond.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any

import numpy as np

from regsearch.ridges.bins import Counts, Ridges

LEVELS = 4095
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

_CODES = np.frombuffer(DIGITS.encode("ascii"), np.uint8)


def scale(limit: float, bins: int, peak: float) -> dict[str, Any]:
    """Returns what all ridges drawn together share."""
    return {"limit": float(f"{limit:.6g}"), "bins": bins, "peak": float(f"{peak:.6g}")}


def packed(found: Ridges, peak: float) -> dict[str, Any]:
    """Returns one trial's ridges of one parameter; `peak` is the count of the highest bin."""
    return {
        "steps": found.steps.tolist(),
        "zeros": [_rounded(share) for share in found.shares.tolist()],
        "heights": heights(found.counts, peak),
    }


def _rounded(share: float) -> float:
    """Returns a share of four digits that is 0 or 1 only where the share itself is."""
    return round(min(max(share, 1e-4), 1 - 1e-4), 4) if 0 < share < 1 else share


def heights(counts: Counts, peak: float) -> str:
    """Returns the roots of the counts, row by row; a bin that is not empty is never shown as 0."""
    roots = np.sqrt(np.maximum(counts, 0.0) / (peak or 1.0))
    levels = np.clip(np.rint(roots * LEVELS), counts > 0, LEVELS).astype(np.int64)
    return np.stack((_CODES[levels >> 6], _CODES[levels & 63]), -1).tobytes().decode("ascii")


def embedded(data: Mapping[str, Any]) -> str:
    """Returns JSON that can stand inside a script element, whatever the names in it hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
