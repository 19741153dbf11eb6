"""Training that changes underway: averaged, resumed, thawed, frozen, with other optimizers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam, Optimizer

from regsearch import (
    L1,
    PenaltyCallback,
    Regularizer,
    named,
)
from tests.nets import (
    NAMESPACES,
    PENALTY,
    QUIET,
    STRENGTHS,
    assert_same,
    by_hand,
    descend,
    fit,
    loader,
    mixed,
    net_class,
    overriding,
    sgd,
    snapshot,
)


@pytest.fixture(params=NAMESPACES, ids=lambda pl: pl.__name__)
def pl(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_averaging_beside_the_callback_leaves_training_as_it_is(pl: Any) -> None:
    average = pl.callbacks.EMAWeightAveraging(decay=0.5)
    net, truth = net_class(pl)(), net_class(pl)()
    fit(pl, net, [PenaltyCallback(PENALTY), average], epochs=2)
    mean = None
    for batch in [*loader()] * 2:
        descend(truth, [batch], **STRENGTHS)
        now = snapshot(truth)
        mean = {k: (mean[k] + now[k]) / 2 for k in now} if mean else now
    assert_same(net, mean, atol=1e-12)


def test_stochastic_weight_averaging_averages_penalised_weights(pl: Any) -> None:
    average = pl.callbacks.StochasticWeightAveraging(swa_lrs=0.1, swa_epoch_start=1)
    net, truth = net_class(pl)(), net_class(pl)()
    fit(pl, net, [PenaltyCallback(PENALTY), average], epochs=4)
    starts = []
    for _ in range(4):
        starts.append(snapshot(truth))
        descend(truth, loader(), **STRENGTHS)
    mean = {name: sum(start[name] for start in starts) / 4 for name in starts[0]}
    assert_same(net, mean, atol=1e-12)


@pytest.mark.parametrize("mixin", [True, False], ids=["mixin", "callback"])
@pytest.mark.parametrize(
    "make_optimizer",
    [sgd, partial(SGD, lr=0.05, momentum=0.9), partial(Adam, lr=0.01)],
    ids=["sgd", "momentum", "adam"],
)
def test_resumed_training_is_bit_identical(
    pl: Any, tmp_path: Any, make_optimizer: Any, mixin: bool
) -> None:
    def start() -> tuple[Any, list[Any]]:
        if mixin:
            return mixed(pl)(make_optimizer).regularize(PENALTY), []
        return net_class(pl)(make_optimizer), [PenaltyCallback(PENALTY)]

    whole, callbacks = start()
    fit(pl, whole, callbacks, epochs=4)
    half, callbacks = start()
    fit(pl, half, callbacks, epochs=2).save_checkpoint(tmp_path / "half.ckpt")
    torch.load(tmp_path / "half.ckpt", weights_only=True)
    resumed, callbacks = start()
    trainer = pl.Trainer(**QUIET, max_epochs=4, callbacks=callbacks)
    trainer.fit(resumed, loader(), ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    assert trainer.current_epoch == 4
    assert_same(whole, resumed)


def thaw(self: Any) -> None:
    self.body.requires_grad_(self.current_epoch >= 1)


def test_layers_thawed_later_are_penalised_from_then_on(pl: Any) -> None:
    net = overriding(pl, on_train_epoch_start=thaw)()
    net.body.requires_grad_(False)
    fit(pl, net, [PenaltyCallback(PENALTY)], epochs=3)
    truth = net_class(pl)()
    body = snapshot(truth.body)
    for batch in loader():
        descend(truth, [batch], **STRENGTHS)
        truth.body.load_state_dict(body)
    descend(truth, [*loader()] * 2, **STRENGTHS)
    assert_same(net, truth, atol=1e-12)


def test_layers_that_a_finetuning_callback_adds_are_penalised(pl: Any) -> None:
    class Finetuning(pl.callbacks.BaseFinetuning):  # type: ignore[misc]
        def freeze_before_training(self, pl_module: Any) -> None:
            self.freeze(pl_module.body)

        def finetune_function(self, pl_module: Any, epoch: int, optimizer: Optimizer) -> None:
            if epoch == 1:
                self.unfreeze_and_add_param_group(pl_module.body, optimizer, lr=0.1)

    net = net_class(pl)(lambda ps: SGD([p for p in ps if p.requires_grad], lr=0.1))
    decay = PenaltyCallback(Regularizer(L1(0.05)))
    fit(pl, net, [decay, Finetuning()], epochs=3)
    truth = net_class(pl)()
    body = snapshot(truth.body)
    for batch in loader():
        descend(truth, [batch], l1=0.05)
        truth.body.load_state_dict(body)
    descend(truth, [*loader()] * 2, l1=0.05)
    assert_same(net, truth, atol=1e-12)


def test_everything_frozen_later_trains_on(pl: Any) -> None:
    def freeze(self: Any) -> None:
        self.head.weight.requires_grad_(self.current_epoch < 1)

    net = overriding(pl, on_train_epoch_start=freeze)()
    trainer = fit(pl, net, [PenaltyCallback(Regularizer(L1(0.05), named("head.*")))], epochs=2)
    assert trainer.current_epoch == 2
    assert trainer.callback_metrics["loss/penalty"] == 0.0


def test_optimizers_swapped_between_epochs_take_the_penalty_along(pl: Any) -> None:
    def swap(self: Any) -> None:
        if self.current_epoch == 1:
            self.trainer.optimizers = [SGD(self.parameters(), lr=0.2)]

    net = overriding(pl, on_train_epoch_start=swap)()
    fit(pl, net, [PenaltyCallback(PENALTY)], epochs=2)
    truth = by_hand(pl, loader())
    descend(truth, loader(), lr=0.2, **STRENGTHS)
    assert_same(net, truth, atol=1e-12)


def test_parameters_added_in_the_middle_of_an_epoch_are_penalised_at_once(pl: Any) -> None:
    def add_body(self: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1:
            self.body.requires_grad_(True)
            self.optimizers().add_param_group({"params": self.body.parameters()})

    net = overriding(pl, on_train_batch_start=add_body)(
        lambda parameters: SGD([p for p in parameters if p.requires_grad], lr=0.1)
    )
    net.body.requires_grad_(False)
    fit(pl, net, [PenaltyCallback(PENALTY)])
    truth = net_class(pl)()
    body, (first, *rest) = snapshot(truth.body), [*loader()]
    descend(truth, [first], **STRENGTHS)
    truth.body.load_state_dict(body)
    descend(truth, rest, **STRENGTHS)
    assert_same(net, truth, atol=1e-12)
