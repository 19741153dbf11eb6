"""The table says of every parameter which penalty it has, or why it has none."""

from __future__ import annotations

import pytest
from torch import nn

from regsearch import L1, L2, Regularizer, everything, named, of_type
from regsearch.regularizer import regularization_table

ONLY_LR = "(before a BatchNorm: only the effective learning rate changes)"


def told(net: nn.Module, *regularizers: Regularizer) -> dict[str, str]:
    rows = regularization_table(net, regularizers).splitlines()[1:]
    return {(parts := row.split(maxsplit=2))[0]: parts[2] for row in rows}


def test_each_parameter_has_its_penalty_or_a_reason() -> None:
    net = nn.ModuleDict(
        {
            "embedding": nn.Embedding(5, 4),
            "norm": nn.LayerNorm(4),
            "rnn": nn.GRU(4, 3),
            "frozen": nn.Linear(3, 3, bias=False).requires_grad_(False),
            "other": nn.Conv1d(3, 3, 1, bias=False),
            "head": nn.Linear(3, 1),
        }
    )
    rnn = Regularizer(L1(0.5), of_type(nn.GRU))
    head = Regularizer(L2(1), named("head.*"), "subgradient")
    assert told(net, rnn, head) == {
        "embedding.weight": "left alone: embedding",
        "norm.weight": "left alone: norm",
        "norm.bias": "left alone: norm",
        "rnn.weight_ih_l0": "L1(lam=0.5), proximal",
        "rnn.weight_hh_l0": "L1(lam=0.5), proximal",
        "rnn.bias_ih_l0": "left alone: bias",
        "rnn.bias_hh_l0": "left alone: bias",
        "frozen.weight": "left alone: frozen",
        "other.weight": "left alone: not selected",
        "head.weight": "L2(lam=1), subgradient",
        "head.bias": "left alone: bias",
    }


@pytest.mark.parametrize(
    ("layer", "norm", "is_before"),
    [
        (nn.Linear(4, 6), nn.BatchNorm1d(6), True),
        (nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False), True),
        (nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), True),
        (nn.Linear(4, 6), nn.BatchNorm1d(4), False),
        (nn.Linear(4, 6), nn.LayerNorm(6), False),
    ],
)
def test_weights_before_a_batch_norm_are_pointed_out(
    layer: nn.Module, norm: nn.Module, is_before: bool
) -> None:
    net = nn.Sequential(layer, nn.ReLU(), norm, nn.Linear(6, 1))
    table = told(net, Regularizer(L1(0.5)))
    assert (ONLY_LR in table["0.weight"]) == is_before
    assert ONLY_LR not in table["3.weight"]


def test_shared_parameters_count_once() -> None:
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    assert told(net, Regularizer(L1(0.5)))["1.weight"] == "shared: listed above"


def test_scalars_and_layers_without_a_shape_yet_have_a_row() -> None:
    net = nn.Sequential(nn.PReLU(), nn.LazyLinear(3), nn.Linear(3, 1))
    table = regularization_table(net, [Regularizer(L1(0.5), named("2.*"))])
    assert "1.weight" in table
    assert "not yet known" in table
    slope = Regularizer(L1(0.5), named("0.*", among=everything))
    assert told(net, slope)["0.weight"] == "L1(lam=0.5), proximal"
