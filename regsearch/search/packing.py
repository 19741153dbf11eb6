"""A trial's reports as small files, and back: quick to write, since a search waits for it.

Uncompressed NumPy archives. That of the curve holds `steps`, `metrics` (the names) and `values` (a
row a report, NaN where not reported); that of the weights `names` (of the parameters), and for the
n-th of these `steps/n`, `counts/n`, `limits/n` and `zeros/n`. Histograms keep the ranges they came
with; whoever reads them puts them on a common one.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from regsearch.figures.archives import Arrays, Shelf, Source, StoredWeights, sound
from regsearch.figures.data import WeightHistory
from regsearch.figures.rows import curve
from regsearch.ridges.bins import rebinned
from regsearch.trials import Histogram, Report


def packed_curve(reports: Sequence[Report]) -> bytes:
    """Returns the file of the reports' metrics."""
    metrics = list(dict.fromkeys(name for report in reports for name in report.metrics))
    values = [[float(r.metrics.get(name, math.nan)) for name in metrics] for r in reports]
    return _archive(
        {
            "steps": np.array([report.step for report in reports]),
            "metrics": np.array(metrics, dtype=str),
            "values": np.array(values, dtype=float),
        }
    )


def packed_weights(reports: Sequence[Report]) -> bytes:
    """Returns the file of the reports' histograms; b"" if there are none."""
    names = list(dict.fromkeys(name for report in reports for name in report.histograms))
    arrays = {"names": np.array(names, dtype=str)}
    for n, name in enumerate(names):
        series = [(r.step, r.histograms[name]) for r in reports if name in r.histograms]
        arrays |= {f"{field}/{n}": array for field, array in _arrays(series).items()}
    return _archive(arrays) if names else b""


def _archive(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _arrays(series: Sequence[tuple[int, Histogram]]) -> Arrays:
    counts = np.array([histogram.counts for _, histogram in series], dtype=np.int64)
    return {
        "steps": np.array([step for step, _ in series]),
        "counts": counts.astype(np.min_scalar_type(int(counts.max(initial=0)))),
        "limits": np.array([histogram.limit for _, histogram in series], dtype=float),
        "zeros": np.array([histogram.zeros for _, histogram in series], dtype=np.int64),
    }


def curve_in(file: bytes) -> pd.DataFrame:
    """Returns the reports in a file, see `regsearch.figures.rows.curve`.

    Raises:
        ValueError: If it is damaged.
    """
    with sound(), np.load(io.BytesIO(file), allow_pickle=False) as stored:
        return curve(stored["steps"], stored["metrics"].tolist(), stored["values"])


def weights_in(source: Source, shelf: Shelf) -> StoredWeights:
    """Returns the histograms in a file by parameter, each on one range for all its reports.

    Raises:
        ValueError: If it is damaged.
        OSError: If it cannot be opened.
    """
    return StoredWeights(source, _history, shelf)


def _history(stored: Arrays, n: int, _: str) -> WeightHistory:
    limits, counts = stored[f"limits/{n}"], stored[f"counts/{n}"].astype(float)
    limit, bins = limits.max(), counts.shape[1]
    for narrow in np.unique(limits):
        rows = limits == narrow
        counts[rows] = rebinned(counts[rows], float(narrow), float(limit), bins)
    edges = np.linspace(-limit, limit, bins + 1)
    return WeightHistory(stored[f"steps/{n}"], counts.astype(np.int64), stored[f"zeros/{n}"], edges)
