"""What a tensor's weights look like: exact zeros, near zeros, norm, quantiles, a histogram.

Exact zeros (== 0.0) and near zeros (|w| < 1e-4) are told apart: the first are what a proximal step
makes, the second also count what an optimizer's noise leaves around zero.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regsearch.trials import Histogram

NEAR_ZERO = 1e-4
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}
BINS = 64

Values = NDArray[np.floating[Any]]

_INNER = np.arange(1 - BINS // 2, BINS // 2) * (2 / BINS)  # where bins meet, on [-1, 1]


class Summary(NamedTuple):
    """One tensor's weights in numbers.

    Attributes:
        size: How many weights there are.
        zeros: How many are exactly zero.
        near_zeros: How many are smaller than the threshold in absolute value, zeros included.
        norm: Euclidean norm.
        quantiles: Of the non-zero weights, by name ("p05" to "p95"); NaN if all are zero.
        histogram: Of the non-zero weights.
    """

    size: int
    zeros: int
    near_zeros: int
    norm: float
    quantiles: Mapping[str, float]
    histogram: Histogram


def summarize(w: Tensor, near_zero: float = NEAR_ZERO) -> Summary:
    """Summarises a tensor of any shape; one sort serves everything.

    Args:
        w: Weights. NaN and infinite ones are counted in `size` alone.
        near_zero: Threshold of the near zeros.
    """
    flat = w.detach().flatten().cpu()
    values = (flat if flat.dtype == torch.float64 else flat.float()).numpy()
    ordered = np.sort(values[np.isfinite(values)])
    near, zero = np.array([near_zero, 0.0], ordered.dtype)
    zero_from, near_to = ordered.searchsorted((zero, near)).tolist()
    near_from, zero_to = ordered.searchsorted((-near, zero), side="right").tolist()
    zeros = zero_to - zero_from
    kept = np.concatenate((ordered[:zero_from], ordered[zero_to:]))
    return Summary(
        size=len(values),
        zeros=zeros,
        near_zeros=near_to - near_from,
        norm=float(np.linalg.norm(values)),
        quantiles=_quantiles(kept),
        histogram=_histogram(kept, zeros),
    )


def _quantiles(ordered: Values) -> dict[str, float]:
    last = len(ordered) - 1
    if last < 0:
        return dict.fromkeys(QUANTILES, math.nan)
    return {name: float(ordered[round(q * last)]) for name, q in QUANTILES.items()}


def _histogram(ordered: Values, zeros: int) -> Histogram:
    largest = float(max(-ordered[0], ordered[-1])) if len(ordered) else 0.0
    limit = 2.0 ** math.frexp(largest)[1]  # the next power of two, so that no weight is on the end
    inner = ordered.searchsorted((_INNER * limit).astype(ordered.dtype)).tolist()
    counts = map(operator.sub, [*inner, len(ordered)], [0, *inner])
    return Histogram(tuple(counts), limit, zeros)
