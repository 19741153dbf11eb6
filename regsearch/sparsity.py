"""What a tensor's weights look like: exact zeros, near zeros, norm, quantiles, a histogram.

Exact zeros (== 0.0) and near zeros (|w| < 1e-4) are told apart: the first are what a proximal step
makes, the second also count what an optimizer's noise leaves around zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from regsearch.trials import Histogram

NEAR_ZERO = 1e-4
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}
BINS = 64


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


@torch.no_grad()
def summarize(w: Tensor, near_zero: float = NEAR_ZERO) -> Summary:
    """Summarises a tensor of any shape; one sort serves everything.

    Args:
        w: Weights. NaN and infinite ones are counted in `size` alone.
        near_zero: Threshold of the near zeros.
    """
    flat = w.detach().flatten().cpu()
    flat = flat if flat.dtype == torch.float64 else flat.float()
    ordered = flat[flat.isfinite()].sort().values
    bounds = flat.new_tensor([-near_zero, 0.0, near_zero])
    zero_from, near_to = torch.searchsorted(ordered, bounds[1:]).tolist()
    near_from, zero_to = torch.searchsorted(ordered, bounds[:2], side="right").tolist()
    zeros = zero_to - zero_from
    kept = torch.cat((ordered[:zero_from], ordered[zero_to:]))
    return Summary(
        size=flat.numel(),
        zeros=zeros,
        near_zeros=near_to - near_from,
        norm=float(torch.linalg.vector_norm(flat)),
        quantiles=_quantiles(kept),
        histogram=_histogram(kept, zeros),
    )


def _quantiles(ordered: Tensor) -> dict[str, float]:
    last = len(ordered) - 1
    if last < 0:
        return dict.fromkeys(QUANTILES, math.nan)
    places = [round(q * last) for q in QUANTILES.values()]
    return dict(zip(QUANTILES, ordered[places].tolist(), strict=True))


def _histogram(ordered: Tensor, zeros: int) -> Histogram:
    largest = max(-float(ordered[0]), float(ordered[-1])) if len(ordered) else 0.0
    limit = 2.0 ** math.frexp(largest)[1]  # the next power of two, so that no weight is on the end
    edges = torch.arange(-BINS // 2, BINS // 2, dtype=ordered.dtype) * (2 * limit / BINS)
    starts = torch.searchsorted(ordered, edges).tolist()
    counts = (end - start for start, end in pairwise([*starts, len(ordered)]))
    return Histogram(tuple(counts), limit, zeros)
