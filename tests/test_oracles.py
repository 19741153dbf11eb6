"""Other libraries' linear models, found by training with their strength in our convention."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from torch import nn

from regsearch import conventions
from regsearch.applied import Applied
from regsearch.penalties import Penalty
from regsearch.regularizer import Regularizer
from tests.lasso import SAMPLES, fit, problem

SGD = partial(torch.optim.SGD, lr=0.1)
Adam = partial(torch.optim.Adam, lr=0.05)


@pytest.mark.parametrize("optimizer", [SGD, Adam], ids=["SGD", "Adam"])
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (Lasso(0.05, tol=1e-12), conventions.from_sklearn_lasso(0.05)),
        (
            ElasticNet(alpha=0.1, l1_ratio=0.5, tol=1e-12),
            conventions.from_sklearn_elastic_net(0.1, 0.5),
        ),
        (
            ElasticNet(alpha=0.2, l1_ratio=0.9, tol=1e-12),
            conventions.from_sklearn_elastic_net(0.2, 0.9),
        ),
        (Ridge(10.0), conventions.from_sklearn_ridge(10.0, SAMPLES)),
    ],
    ids=repr,
)
def test_linear_regression(theirs: Lasso, ours: Penalty, optimizer: partial) -> None:
    theirs.fit(*problem())
    model = fit([Regularizer(ours)], optimizer, epochs=400, bias=True)
    found = model.weight.detach().numpy()[0]
    np.testing.assert_allclose(found, theirs.coef_, atol=1e-6)
    assert ((found == 0.0) == (theirs.coef_ == 0.0)).all()
    assert model.bias.item() == pytest.approx(theirs.intercept_, abs=1e-6)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.0])
def test_logistic_regression(l1_ratio: float) -> None:
    x, y = load_iris(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    n, C = len(x), 0.2
    theirs = LogisticRegression(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-10, max_iter=50_000)
    theirs.fit(x, y)
    ours = conventions.from_logistic_regression(C, n, l1_ratio)
    epochs = 1000 if l1_ratio == 1 else 400  # a square part makes it converge sooner
    found = _softmax_regression(x, y, ours, epochs)
    np.testing.assert_allclose(found, theirs.coef_, atol=1e-5)
    assert ((found == 0.0) == (theirs.coef_ == 0.0)).all()


def _softmax_regression(x: np.ndarray, y: np.ndarray, penalty: Penalty, epochs: int) -> np.ndarray:
    torch.manual_seed(0)
    model = nn.Linear(x.shape[1], 3).double()
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    applied = Applied(model, [Regularizer(penalty)], [optimizer])
    for _ in range(epochs):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        applied.before_step(optimizer)
        optimizer.step()
        applied.after_step(optimizer)
    return model.weight.detach().numpy()
