"""Mixed precision: scaled gradients, and steps that are skipped because one of them overflowed."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader

from regsearch import L1, L2, ElasticNet, PenaltyCallback, Regularizer, WeightDecay, named
from tests.nets import NAMESPACES, assert_same, data, fit, net_class, snapshot

OPTIMIZERS = {
    "sgd": partial(SGD, lr=0.1),
    "adam": partial(Adam, lr=0.01),
    "fused sgd": partial(SGD, lr=0.1, fused=True),
    "fused adam": partial(Adam, lr=0.01, fused=True),
}


@pytest.fixture(params=NAMESPACES, ids=lambda pl: pl.__name__)
def pl(request: pytest.FixtureRequest) -> Any:
    return request.param


def batches() -> Any:
    return DataLoader([(x.float(), y.float()) for x, y in data(12)], 4)


def scaled(pl: Any) -> dict[str, Any]:
    """Trainer arguments for float16 with a real scaler, which Lightning has for GPUs alone."""
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    return {"plugins": [pl.plugins.MixedPrecision("16-mixed", "cpu", scaler)]}


def overflow(pl: Any, at: int, seen: list[Any]) -> Any:
    """Returns a callback that spoils one gradient of batch `at` and keeps the weights of all."""

    class Overflow(pl.Callback):  # type: ignore[misc]
        def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
            if len(seen) == at:
                pl_module.body.bias.grad[0] = torch.inf

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
            seen.append(snapshot(pl_module))

    return Overflow()


@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
@pytest.mark.parametrize("penalty", [ElasticNet(0.1, 0.5), WeightDecay(0.5)], ids=repr)
def test_a_skipped_step_changes_nothing(pl: Any, penalty: Any, make_optimizer: Any) -> None:
    net, seen = net_class(pl)(make_optimizer).float(), []
    callbacks = [PenaltyCallback(penalty), overflow(pl, 1, seen)]
    trainer = fit(pl, net, callbacks, batches=batches(), trainer=scaled(pl))
    assert trainer.precision_plugin.scaler.get_scale() == 128.0
    first, skipped, last = seen
    assert_same(first, skipped)
    assert not torch.equal(skipped["body.weight"], last["body.weight"])


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("method", ["proximal", "subgradient"])
def test_optimizers_that_unscale_gradients_themselves_agree(
    pl: Any, kind: str, method: Any
) -> None:
    penalties = [
        Regularizer(ElasticNet(1.0, 0.5), named("body.*"), method),
        Regularizer(WeightDecay(0.5), named("head.*")),
    ]
    nets = [net_class(pl)(OPTIMIZERS[name]).float() for name in (kind, f"fused {kind}")]
    for net in nets:
        fit(pl, net, [PenaltyCallback(*penalties)], epochs=3, batches=batches(), trainer=scaled(pl))
    assert_same(*nets, atol=1e-6)


@pytest.mark.parametrize("make_optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_the_gradients_scale_does_not_reach_the_weights(pl: Any, make_optimizer: Any) -> None:
    half, full = (net_class(pl)(make_optimizer).float() for _ in range(2))
    for net, trainer in ((half, scaled(pl)), (full, {})):
        fit(pl, net, [PenaltyCallback(L2(1.0))], batches=batches(), trainer=trainer)
    assert_same(half, full, atol=0.01)


def test_bfloat16_keeps_exact_zeros_and_single_precision_sums(pl: Any) -> None:
    net = net_class(pl)().float()
    callback = PenaltyCallback(L1(0.5))
    trainer = {"precision": "bf16-mixed"}
    made = fit(pl, net, [callback], epochs=3, batches=batches(), trainer=trainer)
    assert (net.body.weight == 0).any()
    assert net.body.weight.dtype == made.callback_metrics["loss/total"].dtype == torch.float32
