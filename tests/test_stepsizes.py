"""With the right step, proximal training ends at scikit-learn's Lasso under every optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Tensor, nn
from torch.optim import Optimizer

from regsearch.multi_tensor import prox_
from regsearch.penalties import L1, GroupLasso
from regsearch.regularizer import Regularizer
from regsearch.stepsizes import Step, check_minimizes, check_supported, step_from
from tests.lasso import FEATURES, fit, problem

MakeOptimizer = Callable[[Iterable[Tensor]], Optimizer]
optim = torch.optim

EVERY: dict[str, MakeOptimizer] = {
    "SGD": partial(optim.SGD, lr=0.1),
    "SGD momentum": partial(optim.SGD, lr=0.02, momentum=0.9),
    "SGD momentum dampening": partial(optim.SGD, lr=0.05, momentum=0.9, dampening=0.5),
    "SGD Nesterov": partial(optim.SGD, lr=0.02, momentum=0.9, nesterov=True),
    "Adam": partial(optim.Adam, lr=0.05),
    "Adam amsgrad": partial(optim.Adam, lr=0.05, amsgrad=True),
    "Adam fused": partial(optim.Adam, lr=0.05, fused=True),
    "AdamW": partial(optim.AdamW, lr=0.05, weight_decay=0.0),
    "AdamW amsgrad": partial(optim.AdamW, lr=0.05, weight_decay=0.0, amsgrad=True),
    "NAdam": partial(optim.NAdam, lr=0.05),
    "Adamax": partial(optim.Adamax, lr=0.1),
    "RMSprop": partial(optim.RMSprop, lr=0.02),
    "RMSprop momentum": partial(optim.RMSprop, lr=0.02, momentum=0.5),
    "RMSprop centered": partial(optim.RMSprop, lr=0.02, centered=True),
    "Adagrad": partial(optim.Adagrad, lr=0.5),
    "Adagrad lr_decay": partial(optim.Adagrad, lr=0.7, lr_decay=1e-4),
}
EPOCHS = 400  # with the right step, 1e-8 from the end
SLOW = {"RMSprop momentum": 1000, "RMSprop centered": 600}


@pytest.fixture(scope="module")
def lasso() -> np.ndarray:
    x, y = problem()
    model = Lasso(alpha=0.1, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(x, y)
    assert (model.coef_ == 0).sum() == 47
    return np.asarray(model.coef_)


@pytest.mark.parametrize("name", EVERY)
def test_lasso(name: str, lasso: np.ndarray) -> None:
    model = fit(
        [Regularizer(L1(0.2))],
        EVERY[name],
        epochs=SLOW.get(name, EPOCHS),
        anneal="centered" in name,
    )
    found = model.weight.detach().numpy()[0]
    np.testing.assert_allclose(found, lasso, atol=1e-6)
    assert (found == 0.0).sum() == 47


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_inputs_of_one_output_as_groups_are_the_lasso(name: str, lasso: np.ndarray) -> None:
    model = fit([Regularizer(GroupLasso(0.2, dim=1))], EVERY[name], epochs=EPOCHS)
    np.testing.assert_allclose(model.weight.detach().numpy()[0], lasso, atol=1e-6)
    assert (model.weight == 0.0).sum() == 47


def test_a_group_lasso_ends_at_the_same_minimum_under_any_step() -> None:
    """One group of 50 under Adam's 50 steps: the general prox, beside SGD's closed form."""
    regularizer = Regularizer(GroupLasso(0.1))
    plain = fit([regularizer], EVERY["SGD"], epochs=EPOCHS)
    adaptive = fit([regularizer], EVERY["Adam"], epochs=EPOCHS)
    assert (plain.weight != 0).any()
    torch.testing.assert_close(adaptive.weight, plain.weight, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["SGD momentum", "Adam"])
def test_the_learning_rate_alone_is_the_wrong_step(name: str, lasso: np.ndarray) -> None:
    torch.manual_seed(0)
    model = nn.Linear(FEATURES, 1, bias=False).double()
    x, y = (torch.from_numpy(a) for a in problem())
    optimizer = EVERY[name](model.parameters())
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        (model(x)[:, 0] - y).square().mean().backward()
        optimizer.step()
        prox_(L1(0.2), [model.weight], [optimizer.param_groups[0]["lr"]])
    assert np.abs(model.weight.detach().numpy()[0] - lasso).max() > 1e-2


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_subgradients_never_give_a_zero(name: str, lasso: np.ndarray) -> None:
    regularizer = Regularizer(L1(0.2), method="subgradient")
    model = fit([regularizer], EVERY[name], epochs=EPOCHS, anneal=True)
    assert (model.weight != 0).all()
    np.testing.assert_allclose(model.weight.detach().numpy()[0], lasso, atol=2e-2)


# A constant gradient has no variance: the centered RMSprop's step is then lr/eps, which is noise.
@pytest.mark.parametrize("name", sorted(EVERY.keys() - {"RMSprop centered"}))
def test_step_is_the_move_under_a_constant_gradient(name: str) -> None:
    """The definition itself: after many steps of gradient g, a step moves by step·g."""
    w = nn.Parameter(torch.zeros(3, 2, dtype=torch.float64))
    g = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-0.1, 0.2]], dtype=torch.float64)
    optimizer = EVERY[name]([w])
    for _ in range(500):
        before = w.detach().clone()
        w.grad = g.clone()
        optimizer.step()
    step = step_from(type(optimizer), optimizer.param_groups[0], optimizer.state[w])
    moved = (before - w.detach()) / g
    expected = step.tensor() if isinstance(step, Step) else torch.full_like(g, step)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", [optim.Adadelta, optim.Rprop, optim.ASGD, optim.RAdam])
def test_unknown_optimizers_are_refused_with_the_way_out(kind: type[Optimizer]) -> None:
    optimizer = kind([nn.Parameter(torch.zeros(2, 2))])  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"SGD, Adam, .*method='subgradient'"):
        check_supported(optimizer)


def test_a_subclass_may_step_otherwise_and_is_refused() -> None:
    class Mine(optim.SGD):
        pass

    with pytest.raises(TypeError, match="Got Mine"):
        check_supported(Mine([nn.Parameter(torch.zeros(2, 2))], lr=0.1))


def test_climbing_is_refused() -> None:
    with pytest.raises(TypeError, match="Minimise the negated objective"):
        check_minimizes(optim.Adam([nn.Parameter(torch.zeros(2, 2))], maximize=True))
