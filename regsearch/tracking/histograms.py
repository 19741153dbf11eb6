"""A trial's weight histograms over its epochs as one small NumPy file.

Ranges double while a trial trains; here all epochs of a parameter are put on its widest one. For
each parameter `<name>` the archive holds

    counts/<name>   (epochs, bins) int64, the non-zero weights in each bin
    zeros/<name>    (epochs,) int64, weights that are exactly zero
    edges/<name>    (bins + 1,) float64, the common edges
    steps/<name>    (epochs,) int64, the reports' steps

and `names`, the parameters in order. `numpy.load(path, allow_pickle=False)` reads it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regsearch.trials import Histogram

Arrays = dict[str, NDArray[Any]]
Series = Sequence[tuple[int, Histogram]]


def archive(histories: Mapping[str, Series]) -> bytes:
    """Returns the archive of the parameters' histograms; b"" if there are none.

    Args:
        histories: For each parameter its steps and histograms, in order.
    """
    series = {_storable(name): history for name, history in histories.items()}
    arrays: Arrays = {}
    for name, history in series.items():
        arrays |= _arrays(name, history)
    names = [name for name in series if f"counts/{name}" in arrays]
    if not names:
        return b""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, names=np.array(names), **arrays)
    return buffer.getvalue()


def _storable(name: str) -> str:
    """Returns the name without what no file can hold: halves of characters."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _arrays(name: str, series: Series) -> Arrays:
    """Returns one parameter's arrays; none where its ranges do not differ by powers of two."""
    limit = max(histogram.limit for _, histogram in series)
    try:
        common = [histogram.widened(limit) for _, histogram in series]
    except (ValueError, ArithmeticError):
        return {}
    bins = len(common[0].counts)
    if any(len(histogram.counts) != bins for histogram in common):
        return {}
    return {
        f"counts/{name}": np.array([histogram.counts for histogram in common], dtype=np.int64),
        f"zeros/{name}": np.array([histogram.zeros for histogram in common], dtype=np.int64),
        f"edges/{name}": np.linspace(-limit, limit, bins + 1),
        f"steps/{name}": np.array([step for step, _ in series], dtype=np.int64),
    }
