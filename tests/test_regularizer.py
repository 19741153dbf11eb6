"""A penalty on a module: what it falls on, what it costs, what its table says, what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from regsearch.penalties import L1, L2, ElasticNet, GroupLasso
from regsearch.regularizer import Regularizer, as_regularizers, claims
from regsearch.selection import everything, named


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2), nn.Embedding(5, 2)
    )


@pytest.mark.parametrize("penalty", [L1(0.1), L2(0.1), ElasticNet(0.1, 0.3), GroupLasso(0.1)])
def test_value_is_the_sum_over_the_selected(penalty: L1) -> None:
    module = net()
    expected = penalty.value(module[0].weight) + penalty.value(module[3].weight)
    torch.testing.assert_close(Regularizer(penalty).value(module), expected)


def test_value_can_be_differentiated() -> None:
    module = net()
    Regularizer(L2(0.5)).value(module).backward()
    torch.testing.assert_close(module[0].weight.grad, module[0].weight.detach())
    assert module[0].bias.grad is None


def test_table_says_of_each_parameter_what_becomes_of_it() -> None:
    module = net()
    module[3].bias.requires_grad_(False)
    lines = Regularizer(L1(0.1), named("0.*")).table(module).splitlines()
    told = {line.split()[0]: line for line in lines}
    assert "3x4" in told["0.weight"]
    assert "L1(lam=0.1), proximal (before a BatchNorm: only the effective" in told["0.weight"]
    assert "left alone: bias" in told["0.bias"]
    assert "left alone: norm" in told["1.weight"]
    assert "left alone: not selected" in told["3.weight"]
    assert "left alone: frozen" in told["3.bias"]
    assert "left alone: embedding" in told["4.weight"]


def test_table_lists_a_shared_weight_once() -> None:
    module = nn.Sequential(nn.Linear(2, 2))
    module.append(module[0])
    lines = Regularizer(L1(0.1)).table(module).splitlines()
    assert "L1(lam=0.1)" in lines[1]
    assert "shared" in lines[3]


def test_parameter_claimed_twice_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'0.weight' is claimed by both .*L1.* and .*L2"):
        claims(net(), [Regularizer(L1(0.1), named("0.*")), Regularizer(L2(0.1))])


def test_shared_parameter_claimed_under_two_names_is_refused() -> None:
    module = nn.Sequential(nn.Linear(2, 2))
    module.append(module[0])
    with pytest.raises(ValueError, match="'1.weight' is claimed by both"):
        claims(module, [Regularizer(L1(0.1), named("0.*")), Regularizer(L1(0.1), named("1.*"))])


def test_selecting_nothing_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"selects none of Sequential's parameters: 0\.weight, "):
        Regularizer(L1(0.1), named("encoder.*")).parameters(net())


def test_bare_penalties_mean_all_weights() -> None:
    assert as_regularizers([L1(0.1)]) == (Regularizer(L1(0.1)),)
    assert as_regularizers([Regularizer(L1(0.1), everything)])[0].select is everything


def test_what_is_no_penalty_is_refused_with_what_is_missing() -> None:
    with pytest.raises(TypeError, match="must implement value, grad, subgrad, prox. Missing value"):
        Regularizer(0.1)  # type: ignore[arg-type]


def test_unknown_method_and_selector_are_refused() -> None:
    with pytest.raises(ValueError, match="but got 'prox'"):
        Regularizer(L1(0.1), method="prox")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="select must be a selector"):
        Regularizer(L1(0.1), "enc.*")  # type: ignore[arg-type]
