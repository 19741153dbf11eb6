"""What is special about the mixin: its penalties survive whatever its module overrides."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import lightning.pytorch
import pytest
import pytorch_lightning
import torch
from torch import nn

from regsearch import (
    L1,
    L2,
    DoublePenaltyWarning,
    PenaltyCallback,
    PenaltyWarning,
    RegularizedMixin,
    Regularizer,
    everything,
    named,
)
from tests.nets import NAMESPACES, assert_same, descend, fit, loader, mixed, net_class

HOOKS = [
    "setup",
    "configure_model",
    "on_fit_start",
    "on_train_start",
    "on_train_epoch_start",
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
    "on_train_epoch_end",
    "on_fit_end",
    "teardown",
]


def nothing(self: Any, *args: Any, stage: str = "") -> None:
    pass


def unclipped(
    self: Any, optimizer: Any, gradient_clip_val: Any, gradient_clip_algorithm: Any
) -> None:
    pass


def overriding(base: type, hooks: dict[str, Any]) -> Any:
    return type("Overriding", (base,), hooks)


@pytest.fixture(params=NAMESPACES, ids=lambda pl: pl.__name__)
def pl(request: pytest.FixtureRequest) -> Any:
    return request.param


def expected(pl: Any, epochs: int = 2, **strengths: float) -> Any:
    net = net_class(pl)()
    for _ in range(epochs):
        descend(net, loader(), **strengths)
    return net


def test_a_mixin_applies_its_penalty(pl: Any) -> None:
    net = mixed(pl)().regularize(L1(0.05))
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)
    assert (net.body.weight == 0).any()


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_overridden_without_super_lose_no_penalty(pl: Any, hook: str) -> None:
    net = overriding(mixed(pl), {hook: nothing})().regularize(L1(0.05))
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)


def test_all_hooks_and_configure_callbacks_overridden_lose_no_penalty(pl: Any) -> None:
    hooks = dict.fromkeys(HOOKS, nothing) | {
        "configure_callbacks": lambda self: [],
        "optimizer_step": lambda self, epoch, idx, opt, closure: opt.step(closure=closure),
        "configure_gradient_clipping": unclipped,
    }
    net = overriding(mixed(pl), hooks)().regularize(L1(0.05))
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)


@pytest.mark.parametrize("declared", ["none", "empty", "one", "list"])
def test_callbacks_that_a_subclass_declares_are_kept(pl: Any, declared: str) -> None:
    own = pl.Callback()
    given = {"none": None, "empty": [], "one": own, "list": [own]}[declared]
    cls = overriding(mixed(pl), {"configure_callbacks": lambda self: given})
    net = overriding(cls, {})().regularize(L1(0.05))
    trainer = fit(pl, net, epochs=2)
    assert (own in trainer.callbacks) == (declared in ("one", "list"))
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)


def test_a_mixin_listed_second_works(pl: Any) -> None:
    cls = type("Second", (net_class(pl), RegularizedMixin), {"on_fit_start": nothing})
    net = cls().regularize(L1(0.05))
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)


@pytest.mark.parametrize("hook", ["setup", "configure_model", "on_fit_start"])
def test_regularize_may_be_called_as_late_as_when_fit_starts(pl: Any, hook: str) -> None:
    def regularize(self: Any, stage: str = "") -> None:
        self.regularize(L1(0.05))

    net = overriding(mixed(pl), {hook: regularize})()
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)


def test_layers_built_in_configure_model_can_be_regularized_in_advance(pl: Any) -> None:
    def configure_model(self: Any) -> None:
        self.body = net_class(pl)().body

    net = overriding(mixed(pl), {"configure_model": configure_model})()
    body, net.body = net.body, nn.LazyLinear(3)
    net.regularize(L1(0.05))
    assert body is not None
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05), atol=1e-12)


def test_a_trainers_callback_works_beside_a_mixin(pl: Any) -> None:
    net = mixed(pl)().regularize(Regularizer(L1(0.05), named("body.*")))
    trainer = fit(pl, net, [PenaltyCallback(Regularizer(L2(0.1), named("head.*")))], epochs=2)
    truth = net_class(pl)()
    for batch in [*loader(), *loader()]:
        # One step on the body's penalty and the head's: each leaves the other's weights alone.
        before = copy.deepcopy(truth)
        descend(truth, [batch], l1=0.05, names=["body.weight"])
        descend(before, [batch], l2=0.1, names=["head.weight"])
        truth.head.load_state_dict(before.head.state_dict())
    assert_same(net, truth, atol=1e-12)
    assert len([c for c in trainer.callbacks if isinstance(c, PenaltyCallback)]) == 1


def test_two_callbacks_in_one_trainer_both_work_and_log_their_sum(pl: Any) -> None:
    together, apart = net_class(pl)(), net_class(pl)()
    parts = Regularizer(L1(0.05), named("body.*")), Regularizer(L2(0.1), named("head.*"))
    one = fit(pl, together, [PenaltyCallback(*parts)], epochs=2)
    two = fit(pl, apart, [PenaltyCallback(part) for part in parts], epochs=2)
    assert_same(together, apart)
    for name in ("loss/data", "loss/penalty", "loss/total"):
        assert one.callback_metrics[name].item() == pytest.approx(two.callback_metrics[name].item())


def test_a_parameter_claimed_by_mixin_and_callback_is_an_error(pl: Any) -> None:
    net = mixed(pl)().regularize(L1(0.05))
    with pytest.raises(ValueError, match=r"'body\.weight' is claimed by both .*L1\(lam=0.05\)"):
        fit(pl, net, [PenaltyCallback(L2(0.1))])


@pytest.mark.parametrize(
    ("make_optimizer", "message"),
    [
        (torch.optim.LBFGS, "its closure many times"),
        (torch.optim.Adadelta, "method='subgradient'"),
        (partial(torch.optim.SGD, maximize=True), "maximize=True"),
    ],
)
def test_optimizers_that_cannot_be_used_are_refused_when_fit_starts(
    pl: Any, make_optimizer: Any, message: str
) -> None:
    net = mixed(pl)(make_optimizer).regularize(L1(0.05))
    with pytest.raises(TypeError, match=message):
        fit(pl, net)
    assert_same(net, net_class(pl)())


def test_each_warning_is_given_once(pl: Any) -> None:
    net = mixed(pl)(lambda ps: torch.optim.AdamW(list(ps)[:2])).regularize(L1(0.05))
    with pytest.warns(PenaltyWarning) as caught:
        fit(pl, net, epochs=3)
    ours = [warning.category for warning in caught if "regsearch" in warning.category.__module__]
    assert ours == [PenaltyWarning, DoublePenaltyWarning]


def test_claims_are_checked_when_the_penalty_is_attached(pl: Any) -> None:
    net = mixed(pl)().regularize(Regularizer(L1(0.05), named("body.*")))
    with pytest.raises(ValueError, match=r"'body\.weight' is claimed by both"):
        net.regularize(L2(0.1))
    with pytest.raises(ValueError, match="select at least one .* selects none"):
        net.regularize(Regularizer(L2(0.1), named("nowhere.*")))
    with pytest.raises(ValueError, match="At least one penalty is needed"):
        net.regularize()
    with pytest.raises(ValueError, match="At least one penalty is needed"):
        PenaltyCallback()
    with pytest.raises(TypeError, match="is no penalty"):
        net.regularize(0.1)
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl, l1=0.05, names=["body.weight"]), atol=1e-12)


def test_a_trainer_forgets_the_module_it_had_before(pl: Any) -> None:
    trainer = fit(pl, mixed(pl)().regularize(L1(0.05)), epochs=2)
    trainer.fit_loop.epoch_progress.reset()
    for bare in (mixed(pl)(), net_class(pl)()):
        again = fit(pl, bare, trainer.callbacks, epochs=2)
        assert_same(bare, expected(pl), atol=1e-12)
        assert "loss/penalty" not in again.callback_metrics


def test_a_mixin_without_penalties_trains_as_usual(pl: Any) -> None:
    net = mixed(pl)()
    fit(pl, net, epochs=2)
    assert_same(net, expected(pl), atol=1e-12)
    assert net.penalty() == 0.0


class Regular(RegularizedMixin, net_class(pytorch_lightning)):  # type: ignore[misc]
    """Importable, so that it pickles."""


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"]
)
def test_copies_of_a_regularized_module_keep_the_penalty(copied: Any) -> None:
    net = Regular().regularize(L1(0.05))
    fit(pytorch_lightning, copied(net), epochs=1)
    fit(pytorch_lightning, net, epochs=1)
    twin = copied(net)
    fit(pytorch_lightning, twin, epochs=1)
    assert_same(twin, expected(pytorch_lightning, l1=0.05), atol=1e-12)


def test_the_callback_survives_copies_after_a_fit() -> None:
    callback = PenaltyCallback(L1(0.05))
    fit(pytorch_lightning, Regular(), [callback])
    for twin in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        net = net_class(lightning.pytorch)()
        fit(lightning.pytorch, net, [twin], epochs=2)
        assert_same(net, expected(lightning.pytorch, l1=0.05), atol=1e-12)


def test_the_penalty_is_differentiable_and_adds_up() -> None:
    net = Regular().regularize(
        Regularizer(L1(0.5), named("body.*")),
        Regularizer(L2(2.0), named("head.*", among=everything)),
    )
    net.penalty().backward()
    torch.testing.assert_close(net.body.weight.grad, 0.5 * net.body.weight.sign())
    torch.testing.assert_close(net.head.bias.grad, 4.0 * net.head.bias)
    assert net.body.bias.grad is None


def test_the_state_dict_is_that_of_the_bare_module() -> None:
    assert Regular().regularize(L1(0.05)).state_dict().keys() == (
        net_class(pytorch_lightning)().state_dict().keys()
    )


def test_the_table_shows_what_a_penalty_resolved_to() -> None:
    net = Regular().regularize(Regularizer(L1(0.5), named("body.*")))
    lines = [" ".join(line.split()) for line in net.penalty_table().splitlines()]
    assert lines == [
        "parameter shape penalty",
        "body.weight 3x4 L1(lam=0.5), proximal",
        "body.bias 3 left alone: bias",
        "head.weight 1x3 left alone: not selected",
        "head.bias 1 left alone: bias",
    ]
