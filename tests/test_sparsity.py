"""Zeros, near zeros, quantiles and histograms of tensors."""

from __future__ import annotations

import math

import pytest
import torch

from regsearch.sparsity import BINS, QUANTILES, summarize


def test_a_tensor_in_numbers() -> None:
    w = torch.tensor([[0.0, -0.0, 5e-5, -1e-4], [1e-4, 1.0, -2.0, 3.0]])
    s = summarize(w)
    assert (s.size, s.zeros, s.near_zeros) == (8, 2, 3)
    assert s.norm == pytest.approx(math.sqrt(14), rel=1e-6)
    assert s.quantiles["p05"] == -2.0
    assert s.quantiles["p95"] == 3.0
    assert s.histogram.limit == 4.0
    assert s.histogram.zeros == 2
    assert sum(s.histogram.counts) == 6
    assert s.histogram.counts[BINS // 2] == 2  # 5e-5 and 1e-4, right of zero
    assert s.histogram.counts[BINS // 2 - 1] == 1  # -1e-4, left of it


def test_quantiles_are_torchs_nearest_ones() -> None:
    w = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    w[w.abs() < 0.2] = 0
    kept = w[w != 0]
    expected = torch.quantile(kept, torch.tensor(list(QUANTILES.values())), interpolation="nearest")
    assert list(summarize(w).quantiles.values()) == pytest.approx(expected.tolist(), abs=0.02)


def test_all_zero() -> None:
    s = summarize(torch.zeros(3, 4))
    assert (s.zeros, s.near_zeros, s.norm) == (12, 12, 0.0)
    assert all(math.isnan(q) for q in s.quantiles.values())
    assert not any(s.histogram.counts)
    assert s.histogram.limit == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_in_no_bin(bad: float) -> None:
    s = summarize(torch.tensor([bad, 0.0, 1.5]))
    assert (s.size, s.zeros) == (3, 1)
    assert sum(s.histogram.counts) == 1
    assert not math.isfinite(s.norm)


def test_doubles_below_single_precision_are_not_zero() -> None:
    assert summarize(torch.tensor([1e-60, 0.0], dtype=torch.float64)).zeros == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_every_dtype(dtype: torch.dtype) -> None:
    s = summarize(torch.tensor([0.0, 0.5, -0.5], dtype=dtype, requires_grad=True))
    assert (s.zeros, sum(s.histogram.counts), s.histogram.limit) == (1, 2, 1.0)


def test_limit_is_the_next_power_of_two() -> None:
    assert summarize(torch.tensor([2.0])).histogram.limit == 4.0
    assert summarize(torch.tensor([1.9999])).histogram.limit == 2.0
    assert summarize(torch.tensor([0.3])).histogram.limit == 0.5
