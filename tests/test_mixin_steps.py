"""The callback under every way Lightning can take a step, held against loops written out."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer

from regsearch import (
    L1,
    ElasticNet,
    NoPenalty,
    PenaltyCallback,
    Regularizer,
    WeightDecay,
    everything,
    named,
)
from tests.nets import (
    NAMESPACES,
    PENALTY,
    STRENGTHS,
    assert_same,
    by_hand,
    descend,
    fit,
    loader,
    net_class,
    overriding,
)


@pytest.fixture(params=NAMESPACES, ids=lambda pl: pl.__name__)
def pl(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_automatic_optimization(pl: Any) -> None:
    net = net_class(pl)()
    fit(pl, net, [PenaltyCallback(PENALTY)], epochs=3)
    assert_same(net, by_hand(pl, [*loader()] * 3), atol=1e-12)


def test_accumulated_batches_meet_the_penalty_once_a_step(pl: Any) -> None:
    net = net_class(pl)()
    accumulate = {"accumulate_grad_batches": 2}
    fit(pl, net, [PenaltyCallback(PENALTY)], epochs=2, batches=loader(8, 2), trainer=accumulate)
    assert_same(net, by_hand(pl, [*loader(8, 4)] * 2), atol=1e-12)


def manual_step(self: Any, batch: Any, batch_idx: int) -> Any:
    optimizer = self.optimizers()
    loss = self.loss(batch)
    optimizer.zero_grad()
    self.manual_backward(loss)
    optimizer.step()
    return loss


def closure_step(self: Any, batch: Any, batch_idx: int) -> Any:
    def closure() -> None:
        self.optimizers().zero_grad()
        self.manual_backward(self.loss(batch))

    self.optimizers().step(closure=closure)


@pytest.mark.parametrize("step", [manual_step, closure_step])
def test_manual_optimization(pl: Any, step: Any) -> None:
    net = overriding(pl, automatic_optimization=False, training_step=step)()
    fit(pl, net, [PenaltyCallback(PENALTY)], epochs=2)
    assert_same(net, by_hand(pl, [*loader()] * 2), atol=1e-12)


def raw_step(self: Any, batch: Any, batch_idx: int) -> None:
    optimizer = self.optimizers(use_pl_optimizer=batch_idx == 0)
    self.manual_backward(self.loss(batch))
    optimizer.step()


def test_a_step_behind_lightnings_back_is_an_error(pl: Any) -> None:
    net = overriding(pl, automatic_optimization=False, training_step=raw_step)()
    with pytest.raises(RuntimeError, match=r"SGD was stepped without Lightning.*self\.optimizers"):
        fit(pl, net, [PenaltyCallback(PENALTY)])


def adversarial_step(self: Any, batch: Any, batch_idx: int) -> None:
    """Takes turns, as generator and discriminator do: the body ascends, the head descends."""
    for optimizer, sign in zip(self.optimizers(), (-1, 1), strict=True):
        self.toggle_optimizer(optimizer)
        optimizer.zero_grad()
        self.manual_backward(sign * self.loss(batch))
        optimizer.step()
        self.untoggle_optimizer(optimizer)


def test_two_optimizers_taking_turns(pl: Any) -> None:
    net = overriding(
        pl,
        automatic_optimization=False,
        training_step=adversarial_step,
        configure_optimizers=lambda self: [
            SGD(self.body.parameters(), lr=0.01),
            SGD(self.head.parameters(), lr=0.2),
        ],
    )()
    truth = net_class(pl)()
    body = Regularizer(L1(0.1), named("body.*"))
    head = Regularizer(ElasticNet(0.1, 0.5), named("head.*", among=everything))
    fit(pl, net, [PenaltyCallback(body, head)], epochs=2)
    for batch in [*loader()] * 2:
        _turn(truth, truth.body, -0.01, batch, lambda w: L1(0.1) if w.ndim > 1 else NoPenalty())
        _turn(truth, truth.head, 0.2, batch, lambda w: ElasticNet(0.1, 0.5))
    assert_same(net, truth, atol=1e-12)


def _turn(net: Any, part: nn.Module, lr: float, batch: Any, penalty_of: Any) -> None:
    """One step of a part of the net; a negative learning rate ascends the data loss."""
    net.zero_grad()
    (math.copysign(1, lr) * net.loss(batch)).backward()
    with torch.no_grad():
        for w in part.parameters():
            penalty = penalty_of(w)
            w.copy_(penalty.prox(w - abs(lr) * (w.grad + penalty.grad(w)), abs(lr)))


def test_clipping_sees_the_penaltys_gradient_and_spares_the_prox(pl: Any) -> None:
    net, truth = net_class(pl)(), net_class(pl)()
    fit(pl, net, [PenaltyCallback(PENALTY)], trainer={"gradient_clip_val": 0.1})
    for batch in loader():
        truth.zero_grad()
        truth.loss(batch).backward()
        with torch.no_grad():
            for name, w in truth.named_parameters():
                w.grad += 2 * 0.05 * w * ("weight" in name)
            nn.utils.clip_grad_norm_(truth.parameters(), 0.1)
            for name, w in truth.named_parameters():
                w -= 0.1 * w.grad
                threshold = 0.1 * 0.05 * ("weight" in name)
                w.copy_(w.sign() * (w.abs() - threshold).clamp(min=0))
    assert_same(net, truth, atol=1e-12)


def test_the_prox_follows_a_schedulers_learning_rate(pl: Any) -> None:
    def configure_optimizers(self: Any) -> Any:
        optimizer = SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

    net = overriding(pl, configure_optimizers=configure_optimizers)()
    fit(pl, net, [PenaltyCallback(PENALTY)], epochs=3)
    truth = net_class(pl)()
    for epoch in range(3):
        descend(truth, loader(), lr=0.1 * 0.5**epoch, **STRENGTHS)
    assert_same(net, truth, atol=1e-12)


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")  # once a process
def test_a_closure_that_gives_no_loss_takes_no_prox(pl: Any) -> None:
    def training_step(self: Any, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) if batch_idx == 1 else None

    net = overriding(pl, training_step=training_step)()
    fit(pl, net, [PenaltyCallback(PENALTY)])
    assert_same(net, by_hand(pl, [[*loader()][1]]), atol=1e-12)


def test_the_same_callback_fits_again(pl: Any) -> None:
    callback = PenaltyCallback(PENALTY)
    for _ in range(2):
        net = net_class(pl)()
        fit(pl, net, [callback], epochs=2)
        assert_same(net, by_hand(pl, [*loader()] * 2), atol=1e-12)


def test_a_fit_that_raises_leaves_the_optimizer_as_it_was(pl: Any) -> None:
    made: list[Optimizer] = []

    def keep(parameters: Any) -> Optimizer:
        made.append(SGD(parameters, lr=0.1))
        return made[-1]

    def training_step(self: Any, batch: Any, batch_idx: int) -> Any:
        raise OSError("no more data")

    with pytest.raises(OSError, match="no more data"):
        fit(pl, overriding(pl, training_step=training_step)(keep), [PenaltyCallback(PENALTY)])
    net = net_class(pl)(keep)
    fit(pl, net, [PenaltyCallback(PENALTY)])
    assert len(made) == 2
    assert not any(optimizer._optimizer_step_post_hooks for optimizer in made)
    alone = copy.deepcopy(net)
    made[1].zero_grad()
    made[1].step()
    assert_same(net, alone)


def test_decoupled_decay_is_adamws_bit_for_bit(pl: Any) -> None:
    ours = net_class(pl)(partial(Adam, lr=0.01, foreach=True))
    theirs = net_class(pl)(partial(torch.optim.AdamW, lr=0.01, weight_decay=0.3, foreach=True))
    fit(pl, ours, [PenaltyCallback(Regularizer(WeightDecay(0.3), everything))], epochs=4)
    fit(pl, theirs, epochs=4)
    assert_same(ours, theirs)
