"""Plain data: histograms on wider ranges, and why a trial ended."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regsearch.sparsity import BINS, summarize
from regsearch.trials import Histogram, Outcome


@pytest.mark.parametrize("doublings", [0, 1, 3])
def test_widening_is_counting_again_on_the_wider_range(doublings: int) -> None:
    w = torch.randn(1000, generator=torch.Generator().manual_seed(0)).clamp(-4, 4)
    histogram = summarize(w).histogram
    limit = histogram.limit * 2**doublings
    again, _ = np.histogram(w.double().numpy(), np.linspace(-limit, limit, BINS + 1))
    assert list(histogram.widened(limit).counts) == again.tolist()
    assert histogram.widened(limit).limit == limit


@pytest.mark.parametrize("limit", [1.0, 3.0])
def test_narrower_or_uneven_ranges_are_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="times 1, 2, 4"):
        Histogram((0,) * 64, 2.0, 0).widened(limit)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome(0, "complete", 1.0), ""),
        (Outcome(0, "pruned", 1.0), "pruner"),
        (Outcome(0, "pruned", None, {}, "diverged: val_loss was nan in epoch 2"), "diverged"),
        (Outcome(0, "failed", None, {}, "Traceback ...\nValueError: boom\n"), "ValueError: boom"),
        (Outcome(0, "failed", None), ""),
        (
            Outcome(0, "failed", None, {}, "Traceback ...\n  File ...\nValueError: one\ntwo\n"),
            "ValueError: one",
        ),
    ],
)
def test_reason(outcome: Outcome, reason: str) -> None:
    assert outcome.reason == reason
