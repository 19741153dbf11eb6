"""The linear problem that the oracles share: 50 features, of which 0, 5 and 12 matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from regsearch.applied import Applied
from regsearch.regularizer import Regularizer

SAMPLES, FEATURES = 100, 50


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Returns X (100 x 50) and y (100)."""
    random = np.random.RandomState(42)
    x = random.randn(SAMPLES, FEATURES)
    truth = np.zeros(FEATURES)
    truth[[0, 5, 12]] = [1.5, -2.0, 0.8]
    return x, x @ truth + 0.1 * random.randn(SAMPLES)


def fit(
    regularizers: Iterable[Regularizer],
    make_optimizer: Callable[[Iterable[Tensor]], Optimizer],
    *,
    epochs: int,
    anneal: bool = False,
    bias: bool = False,
) -> nn.Linear:
    """Trains a linear model on the mean squared error, full batch, in float64."""
    torch.manual_seed(0)
    model = nn.Linear(FEATURES, 1, bias=bias).double()
    x, y = (torch.from_numpy(a) for a in problem())
    optimizer = make_optimizer(model.parameters())
    applied = Applied(model, regularizers, [optimizer])
    lr = optimizer.param_groups[0]["lr"]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, lr * 1e-4)
    for _ in range(epochs):
        optimizer.zero_grad()
        (model(x)[:, 0] - y).square().mean().backward()
        applied.before_step(optimizer)
        optimizer.step()
        applied.after_step(optimizer)
        if anneal:
            schedule.step()
    return model
