"""Regularizers around an optimizer's step, without Lightning: effects, refusals, warnings."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adadelta, Adam, AdamW

from regsearch import (
    L1,
    L2,
    DoublePenaltyWarning,
    ElasticNet,
    GroupLasso,
    NoPenalty,
    PenaltyWarning,
    Regularizer,
    WeightDecay,
    everything,
    named,
)
from regsearch.applied import Applied


@pytest.fixture
def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).double()


def step(applied: Applied, optimizer: Any, net: nn.Module, x: Any = None) -> None:
    optimizer.zero_grad()
    inputs = torch.ones(5, 3, dtype=torch.float64) if x is None else x
    net(inputs).square().mean().backward()
    applied.before_step(optimizer)
    optimizer.step()
    applied.after_step(optimizer)


def test_the_value_is_the_sum_of_all_penalties(net: nn.Sequential) -> None:
    parts = [Regularizer(L1(0.5), named("0.*")), Regularizer(L2(2.0), named("1.*"))]
    value = Applied(net, parts, []).value()
    expected = 0.5 * net[0].weight.abs().sum() + 2.0 * net[1].weight.square().sum()
    assert float(value) == pytest.approx(expected.item())
    assert not (isinstance(value, torch.Tensor) and value.requires_grad)


def test_parameters_without_a_gradient_take_no_part(net: nn.Sequential) -> None:
    optimizer = SGD(net.parameters(), lr=0.1)
    for penalty in (ElasticNet(1.0, 0.5), WeightDecay(1.0), GroupLasso(1.0)):
        applied = Applied(net, [Regularizer(penalty)], [optimizer])
        before = net[0].weight.detach().clone()
        optimizer.zero_grad()
        net[1](torch.ones(1, 2, dtype=torch.float64)).sum().backward()
        applied.before_step(optimizer)
        optimizer.step()
        applied.after_step(optimizer)
        torch.testing.assert_close(net[0].weight, before, rtol=0, atol=0)
        assert net[1].weight.grad is not None


def test_each_group_uses_its_own_learning_rate(net: nn.Sequential) -> None:
    groups = [{"params": net[0].parameters(), "lr": 0.0}, {"params": net[1].parameters()}]
    for penalty in (L1(100.0), WeightDecay(2.0)):
        optimizer = SGD(groups, lr=0.5)
        applied = Applied(net, [Regularizer(penalty)], [optimizer])
        before, head = (layer.weight.detach().clone() for layer in net)
        step(applied, optimizer, net)
        torch.testing.assert_close(net[0].weight, before, rtol=0, atol=0)
        assert not torch.equal(net[1].weight, head)


@pytest.mark.parametrize("method", ["proximal", "subgradient"])
@pytest.mark.parametrize("penalty", [L1(0.1), L2(0.1), WeightDecay(0.1)], ids=repr)
def test_lbfgs_is_refused(net: nn.Sequential, penalty: Any, method: Any) -> None:
    with pytest.raises(TypeError, match=r"LBFGS, which evaluates its closure many times"):
        Applied(net, [Regularizer(penalty, method=method)], [LBFGS(net.parameters())])


def test_climbing_is_refused(net: nn.Sequential) -> None:
    optimizer = SGD(net.parameters(), lr=0.1, maximize=True)
    for penalty in (L1(0.1), L2(0.1)):
        with pytest.raises(TypeError, match=r"SGD\(maximize=True\)"):
            Applied(net, [Regularizer(penalty)], [optimizer])
    Applied(net, [Regularizer(NoPenalty())], [optimizer])


@pytest.mark.parametrize("penalty", [L1(0.1), ElasticNet(0.1, 0.5), GroupLasso(0.1)], ids=repr)
def test_an_optimizer_without_a_known_step_is_refused_for_the_prox(
    net: nn.Sequential, penalty: Any
) -> None:
    optimizer = Adadelta(net.parameters())
    with pytest.raises(TypeError, match=r"SGD, .*Got Adadelta.*method='subgradient'"):
        Applied(net, [Regularizer(penalty)], [optimizer])
    applied = Applied(net, [Regularizer(penalty, method="subgradient")], [optimizer])
    before = net[0].weight.detach().clone()
    step(applied, optimizer, net)
    assert not torch.equal(before, net[0].weight)


@pytest.mark.parametrize("penalty", [L2(0.1), NoPenalty(), L1(0.0)], ids=repr)
def test_penalties_without_a_kink_work_with_any_optimizer(net: nn.Sequential, penalty: Any) -> None:
    optimizer = Adadelta(net.parameters())
    step(Applied(net, [Regularizer(penalty)], [optimizer]), optimizer, net)


def test_other_optimizers_than_the_penalised_ones_may_be_anything(net: nn.Sequential) -> None:
    body, head = SGD(net[0].parameters(), lr=0.1), LBFGS(net[1].parameters())
    applied = Applied(net, [Regularizer(L1(0.1), named("0.*"))], [body, head])
    assert applied.knows(head)


def test_added_groups_and_new_optimizers_are_not_known(net: nn.Sequential) -> None:
    optimizer = SGD(net[0].parameters(), lr=0.1)
    applied = Applied(net, [Regularizer(L1(0.1))], [optimizer])
    assert applied.knows(optimizer)
    assert not applied.knows(SGD(net.parameters(), lr=0.1))
    optimizer.add_param_group({"params": net[1].parameters()})
    assert not applied.knows(optimizer)


def test_all_frozen_is_worth_nothing_for_a_while(net: nn.Sequential) -> None:
    net.requires_grad_(False)
    assert Applied(net, [Regularizer(L1(0.1))], []).value() == 0.0


def test_weights_that_no_optimizer_updates_are_warned_of(net: nn.Sequential) -> None:
    applied = Applied(net, [Regularizer(L1(0.1))], [SGD(net[0].parameters(), lr=0.1)])
    with pytest.warns(PenaltyWarning, match=r"No optimizer updates 1\.weight, so") as caught:
        applied.warn()
    assert len(caught) == 1


@pytest.mark.parametrize("penalty", [L1(0.1), L2(0.1), WeightDecay(0.1)], ids=repr)
def test_double_penalties_are_warned_of_once(net: nn.Sequential, penalty: Any) -> None:
    optimizers = [AdamW(net[0].parameters()), SGD(net[1].parameters(), lr=0.1, weight_decay=0.2)]
    applied = Applied(net, [Regularizer(penalty)], optimizers)
    with pytest.warns(DoublePenaltyWarning, match=r"AdamW has weight_decay=0.01") as caught:
        applied.warn()
    assert len(caught) == 1


@pytest.mark.parametrize("make_optimizer", [Adam, partial(AdamW, weight_decay=0)])
def test_no_double_penalty_no_warning(net: nn.Sequential, make_optimizer: Any) -> None:
    by_shape = [net[0].bias, net[1].bias], [net[0].weight, net[1].weight]
    cases = [
        (L1(0.1), [make_optimizer(net.parameters())]),
        (NoPenalty(), [AdamW(net.parameters())]),
        (L1(0.1), [AdamW(by_shape[0]), make_optimizer(by_shape[1])]),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for penalty, optimizers in cases:
            Applied(net, [Regularizer(penalty)], optimizers).warn()


def test_an_overflowed_gradient_anywhere_keeps_the_decay_away(net: nn.Sequential) -> None:
    optimizer = SGD(net.parameters(), lr=0.1)
    applied = Applied(net, [Regularizer(WeightDecay(1.0))], [optimizer])
    net(torch.ones(1, 3, dtype=torch.float64)).sum().backward()
    net[1].bias.grad.fill_(torch.nan)
    before = net[0].weight.detach().clone()
    applied.before_step(optimizer, skips_overflows=True)
    torch.testing.assert_close(net[0].weight, before, rtol=0, atol=0)
    applied.before_step(optimizer)
    torch.testing.assert_close(net[0].weight, before * 0.9)


@pytest.mark.parametrize(
    "make_optimizer",
    [
        partial(SGD, lr=0.1),
        partial(SGD, lr=0.1, momentum=0.9),
        partial(Adam, lr=0.01),
        partial(Adam, lr=0.01, amsgrad=True),
    ],
)
def test_l2_is_coupled_weight_decay(net: nn.Sequential, make_optimizer: Any) -> None:
    twin = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).double()
    twin.load_state_dict(net.state_dict())
    ours, theirs = make_optimizer(net.parameters()), make_optimizer(twin.parameters())
    for group in theirs.param_groups:
        group["weight_decay"] = 0.2
    penalised = Applied(net, [Regularizer(L2(0.1), everything)], [ours])
    bare = Applied(twin, [], [theirs])
    for x in torch.randn(20, 5, 3, generator=torch.Generator().manual_seed(1)).double():
        step(penalised, ours, net, x)
        step(bare, theirs, twin, x)
    for mine, other in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)
