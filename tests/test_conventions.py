"""Strengths of other libraries: there and back, the textbook factors, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from regsearch import conventions as c
from regsearch.penalties import L1, L2, ElasticNet, GroupLasso, Penalty

THERE_AND_BACK: list[tuple[Callable[..., Penalty], Callable[..., object], tuple, dict]] = [
    (c.from_sklearn_lasso, c.to_sklearn_lasso, (0.3,), {}),
    (c.from_sklearn_elastic_net, c.to_sklearn_elastic_net, (0.3, 0.4), {}),
    (c.from_sklearn_elastic_net, c.to_sklearn_elastic_net, (0.3, 1.0), {}),
    (c.from_sklearn_elastic_net, c.to_sklearn_elastic_net, (0.3, 0.0), {}),
    (c.from_sklearn_ridge, c.to_sklearn_ridge, (3.0,), {"n": 50}),
    (c.from_keras, c.to_keras, (0.1, 0.2), {}),
    (c.from_keras, c.to_keras, (0.1, 0.0), {}),
    (c.from_half_mean, c.to_half_mean, (0.1, 0.2), {"n": 50}),
    (c.from_weight_decay, c.to_weight_decay, (0.01,), {}),
]


@pytest.mark.parametrize(("there", "back", "strengths", "n"), THERE_AND_BACK)
def test_there_and_back(there: Callable, back: Callable, strengths: tuple, n: dict) -> None:
    found = back(there(*strengths, **n), **n)
    assert found == pytest.approx(strengths if len(strengths) > 1 else strengths[0])


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_logistic_regression_there_and_back(l1_ratio: float) -> None:
    penalty = c.from_logistic_regression(0.5, 50, l1_ratio)
    assert c.to_logistic_regression(penalty, 50) == pytest.approx((0.5, l1_ratio))


def test_the_simplest_penalty_is_chosen() -> None:
    assert c.from_keras(l1=0.1) == L1(0.1)
    assert c.from_keras(l2=0.1) == L2(0.1)
    assert isinstance(c.from_keras(0.1, 0.1), ElasticNet)
    assert c.from_sklearn_elastic_net(0.1, 1.0) == L1(0.2)
    assert c.from_logistic_regression(0.1, 10, 0.0) == L2(0.5)


def test_keras_formula() -> None:
    w = torch.tensor([[1.0, -2.0]])
    assert float(c.from_keras(0.1, 0.2).value(w)) == pytest.approx(0.1 * 3 + 0.2 * 5)


def test_textbook_factors_of_one_step() -> None:
    """(lam/2n)·Σw² shrinks by 1 - eta·lam/n a step, lam·Σw² by 1 - 2·eta·lam."""
    w, eta, lam, n = torch.tensor([1.0]), 0.1, 0.3, 7
    half_mean = c.from_half_mean(l2=lam, n=n)
    assert float(w - eta * half_mean.grad(w)) == pytest.approx(1 - eta * lam / n)
    assert float(w - eta * L2(lam).grad(w)) == pytest.approx(1 - 2 * eta * lam)


def test_prior_scales() -> None:
    assert c.prior_scale(L2(0.01), n=100) == pytest.approx(math.sqrt(1 / (2 * 100 * 0.01)))
    assert c.prior_scale(L1(0.01), n=100) == pytest.approx(1.0)
    assert c.prior_scale(L1(0.0), n=100) == math.inf


@pytest.mark.parametrize(("penalty", "prior"), [(L1(0.02), "laplace"), (L2(0.02), "gaussian")])
def test_penalty_is_minus_the_log_prior(penalty: Penalty, prior: str) -> None:
    n, w = 30, torch.tensor([0.7, -1.2])
    scale = c.prior_scale(penalty, n)
    density = torch.distributions.Laplace if prior == "laplace" else torch.distributions.Normal
    log_prior = density(0.0, scale).log_prob(w).sum() - density(0.0, scale).log_prob(w * 0).sum()
    assert float(n * penalty.value(w)) == pytest.approx(-float(log_prior), rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: c.to_sklearn_lasso(L2(0.1)), "holds an L1, but got L2"),
        (lambda: c.to_sklearn_ridge(L1(0.1), 10), "holds an L2, but got L1"),
        (lambda: c.to_weight_decay(ElasticNet(0.1, 0.5)), "holds an L2"),
        (lambda: c.to_keras(GroupLasso(0.1)), "but got GroupLasso"),
        (lambda: c.prior_scale(ElasticNet(0.1, 0.5), 10), "Ask for its parts"),
        (lambda: c.from_sklearn_ridge(1.0, 0), "must be at least 1"),
        (lambda: c.from_sklearn_elastic_net(1.0, 1.5), "0 <= l1_ratio <= 1"),
        (lambda: c.from_logistic_regression(0.0, 10), "0 < C < infinity"),
        (lambda: c.to_logistic_regression(L1(0.0), 10), "No finite C"),
        (lambda: c.from_keras(l1=-0.1), "0 <= lam < infinity"),
    ],
)
def test_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
