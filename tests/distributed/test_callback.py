"""Penalties in somebody's own data-parallel Trainer: as on one process, and logged as such."""

from __future__ import annotations

import os
from typing import Any

import pytest
import pytorch_lightning
import torch
from torch import Tensor
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, DistributedSampler

from regsearch import ElasticNet, GroupLasso, PenaltyCallback, RegularizedMixin, Regularizer, named
from tests.distributed.ranks import WORLD, Ranks
from tests.nets import data, fit, loader, net_class

pytestmark = pytest.mark.slow  # two processes that import torch have to be started

PARTS = (
    Regularizer(ElasticNet(0.1, 0.5), named("body.*")),
    Regularizer(GroupLasso(0.05), named("head.*")),
)
OPTIMIZERS = {"sgd": lambda ps: SGD(ps, lr=0.1), "adam": lambda ps: Adam(ps, lr=0.05)}

Fitted = tuple[dict[str, Tensor], dict[str, float]]


def fitted(kind: str, optimizer: str, batches: Any, **trainer: Any) -> Fitted:
    bases = (RegularizedMixin,) if kind == "mixin" else ()
    net = net_class(pytorch_lightning, *bases)(OPTIMIZERS[optimizer])
    if kind == "mixin":
        net.regularize(*PARTS)
    by_kind = {"callback": [PenaltyCallback(*PARTS)], "callbacks": map(PenaltyCallback, PARTS)}
    callbacks = list(by_kind.get(kind, []))
    made = fit(pytorch_lightning, net, callbacks, epochs=3, batches=batches, trainer=trainer)
    logged = {name: value.item() for name, value in made.callback_metrics.items()}
    return dict(net.state_dict()), logged


def fitted_on_rank(kind: str, optimizer: str) -> Fitted:
    sampler = DistributedSampler(data(16), WORLD, int(os.environ["RANK"]), shuffle=False)
    batches = DataLoader(data(16), 8 // WORLD, sampler=sampler)
    return fitted(kind, optimizer, batches, strategy="ddp", devices=WORLD)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["callback", "callbacks", "mixin"])
def test_penalties_are_those_of_one_process(ranks: Ranks, kind: str, optimizer: str) -> None:
    weights, logged = fitted(kind, optimizer, loader(16, 8))
    assert logged.keys() == {"loss/data", "loss/penalty", "loss/total"}
    (first, first_logged), (second, second_logged) = ranks.run(fitted_on_rank, kind, optimizer)
    assert first_logged == second_logged == pytest.approx(logged, rel=1e-6)  # logged in single
    for name, weight in weights.items():
        torch.testing.assert_close(first[name], weight, rtol=0, atol=1e-12)
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
