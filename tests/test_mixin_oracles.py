"""A Lasso trained by a real Trainer has the zeros that scikit-learn finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, TensorDataset

from regsearch import PenaltyCallback, RegularizedMixin, conventions
from tests.lasso import FEATURES, SAMPLES, problem
from tests.nets import NAMESPACES, fit

OPTIMIZERS = {
    "sgd": partial(SGD, lr=0.1),
    "momentum": partial(SGD, lr=0.02, momentum=0.9),
    "adam": partial(Adam, lr=0.05),
}
PENALTY = conventions.from_sklearn_lasso(0.1)


def linear(base: type, further: tuple[type, ...], make_optimizer: Callable[..., Any]) -> Any:
    class Linear(*further, base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(FEATURES, 1, bias=False).double()
            nn.init.zeros_(self.layer.weight)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return nn.functional.mse_loss(self.layer(batch[0])[:, 0], batch[1])

        def configure_optimizers(self) -> Any:
            return make_optimizer(self.parameters())

    return Linear()


def full_batch_steps(steps: int) -> DataLoader[Any]:
    """One epoch of many steps, each on all samples."""
    x, y = (torch.from_numpy(array) for array in problem())
    repeated = TensorDataset(x.repeat(steps, 1, 1), y.repeat(steps, 1))
    return DataLoader(repeated, batch_size=None)


@pytest.mark.parametrize(
    ("pl", "mixin"), [*zip(NAMESPACES, [True, False], strict=True)], ids=["mixin", "callback"]
)
@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_the_lasso_has_its_47_exact_zeros(make_optimizer: Any, pl: Any, mixin: bool) -> None:
    theirs = Lasso(0.1, fit_intercept=False, tol=1e-14).fit(*problem())
    assert (theirs.coef_ == 0).sum() == 47
    if mixin:
        net = linear(pl.LightningModule, (RegularizedMixin,), make_optimizer).regularize(PENALTY)
    else:
        net = linear(pl.LightningModule, (), make_optimizer)
    callbacks = [] if mixin else [PenaltyCallback(PENALTY)]
    trainer = fit(pl, net, callbacks, batches=full_batch_steps(200))
    found = net.layer.weight.detach().numpy()[0]
    assert ((found == 0.0) == (theirs.coef_ == 0.0)).all()
    np.testing.assert_allclose(found, theirs.coef_, atol=1e-4)
    residual = problem()[1] - problem()[0] @ found
    assert len(residual) == SAMPLES
    assert trainer.callback_metrics["loss/data"] >= (residual**2).mean()
