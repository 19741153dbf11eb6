"""Parameters split over two ranks by `fully_shard`: penalised as if they were whole."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning
import torch
from pytorch_lightning.strategies import ModelParallelStrategy
from torch import Tensor, distributed
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor
from torch.optim import SGD, Adam, RMSprop

from regsearch import (
    L1,
    L2,
    ElasticNet,
    GroupLasso,
    PenaltyCallback,
    RegularizedMixin,
    Regularizer,
    WeightDecay,
    everything,
    named,
)
from regsearch.applied import Applied
from regsearch.trials import Trial
from tests.distributed.ranks import WORLD, Ranks
from tests.distributed.test_trials import (
    BATCH,
    Net,
    assert_alike,
    crash_on_rank,
    joined,
    train,
    train_on_rank,
)
from tests.nets import data, fit, loader, net_class

pytestmark = pytest.mark.slow  # two processes that import torch have to be started

OPTIMIZERS = {
    "sgd": functools.partial(SGD, lr=0.1),
    "momentum": functools.partial(SGD, lr=0.02, momentum=0.9),
    "adam": functools.partial(Adam, lr=0.05),
    "rmsprop": functools.partial(RMSprop, lr=0.01, centered=True),
}
REGULARIZERS = {
    "l1": [Regularizer(L1(0.05))],
    "l2": [Regularizer(L2(0.05), everything)],
    "two": [
        Regularizer(ElasticNet(0.1, 0.5), named("body.*")),
        Regularizer(L1(0.1), named("head.*")),
    ],
    "subgradient": [Regularizer(ElasticNet(0.1, 0.5), method="subgradient")],
    "decay": [Regularizer(WeightDecay(0.2))],
}

Trained = tuple[dict[str, Tensor], list[float]]


def mesh() -> Any:
    if not distributed.is_initialized():
        distributed.init_process_group("gloo")
    return distributed.init_device_mesh("cpu", (WORLD,))


def steps(net: Any, regularizers: Any, optimizer: str, batch: Any) -> Trained:
    """Takes ten steps; returns the weights, and the penalty's value before each."""
    made = OPTIMIZERS[optimizer](net.parameters())
    applied, values = Applied(net, regularizers, [made]), []
    for _ in range(10):
        values.append(float(applied.value()))
        made.zero_grad()
        net.loss(batch).backward()
        applied.before_step(made)
        made.step()
        applied.after_step(made)
    return {name: whole(weight) for name, weight in net.state_dict().items()}, values


def whole(weight: Tensor) -> Tensor:
    return weight.full_tensor() if isinstance(weight, DTensor) else weight


def split(net: Any) -> Any:
    """Splits body (3 rows, so unevenly) and head (1 row, so one rank holds nothing of it)."""
    here = mesh()
    for layer in (net.body, net.head, net):
        fully_shard(layer, mesh=here)
    return net


def split_steps(regularizers: Any, optimizer: str) -> Trained:
    rank = int(os.environ["RANK"])
    batch = [tensor[rank::WORLD] for tensor in data(16).tensors]
    return steps(split(net_class(pytorch_lightning)()), regularizers, optimizer, batch)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("regularizers", REGULARIZERS.values(), ids=REGULARIZERS)
def test_elementwise_penalties_on_parts_are_those_on_the_whole(
    ranks: Ranks, regularizers: Any, optimizer: str
) -> None:
    net = net_class(pytorch_lightning)()
    weights, values = steps(net, regularizers, optimizer, data(16).tensors)
    for mine, some in ranks.run(split_steps, regularizers, optimizer):
        assert some == pytest.approx(values, rel=1e-12)
        for name, weight in weights.items():
            torch.testing.assert_close(mine[name], weight, rtol=0, atol=1e-12)
            assert torch.equal(mine[name] == 0, weight == 0)


def selected_and_valued() -> tuple[list[str], float, float, Tensor]:
    net = split(net_class(pytorch_lightning, RegularizedMixin)().regularize(ElasticNet(0.1, 0.5)))
    value = net.penalty()
    value.backward()
    return (
        list(Regularizer(L1(1.0)).parameters(net)),
        value.item(),
        Regularizer(GroupLasso(1.0)).value(net).item(),
        net.body.weight.grad.full_tensor(),
    )


def test_what_is_selected_and_its_value_do_not_depend_on_the_split(ranks: Ranks) -> None:
    net = net_class(pytorch_lightning, RegularizedMixin)().regularize(ElasticNet(0.1, 0.5))
    net.penalty().backward()
    for names, value, group, grad in ranks.run(selected_and_valued):
        assert names == ["body.weight", "head.weight"]
        assert value == pytest.approx(net.penalty().item(), rel=1e-12)
        assert group == pytest.approx(Regularizer(GroupLasso(1.0)).value(net).item(), rel=1e-12)
        torch.testing.assert_close(grad, net.body.weight.grad, rtol=0, atol=1e-12)


def refusal(penalty: Any, flatten: bool) -> str:
    net = net_class(pytorch_lightning)()
    here = mesh()
    if flatten:
        FullyShardedDataParallel(
            net, device_mesh=here, use_orig_params=True, device_id=torch.device("cpu")
        )
    else:
        fully_shard(net, mesh=here)
    try:
        Applied(net, [Regularizer(penalty)], [SGD(net.parameters(), lr=0.1)])
    except TypeError as error:
        return str(error)
    return "accepted"


@pytest.mark.parametrize("penalty", [GroupLasso(0.1), L1(torch.tensor(0.1))], ids=repr)
def test_groups_of_which_a_process_holds_a_part_are_refused(ranks: Ranks, penalty: Any) -> None:
    for message in ranks.run(refusal, penalty, False):
        assert message.startswith("A penalty on sharded parameters must be elementwise")
        assert f"{penalty!r} on body.weight, head.weight" in message


def test_flattened_parameters_are_refused(ranks: Ranks) -> None:
    for message in ranks.run(refusal, L1(0.1), True):
        assert "FullyShardedDataParallel flattens" in message
        assert "ModelParallelStrategy" in message


class Sharded(Net):
    """Split layer by layer: each stays together after a validation, being a root of its own."""

    def configure_model(self) -> None:
        for layer in self.to_split():
            if not isinstance(layer, FSDPModule):
                fully_shard(layer, mesh=self.device_mesh["data_parallel"])

    def to_split(self) -> list[Any]:
        return [self.body, self.head]


class Nested(Sharded):
    """Split layer by layer below one root."""

    def to_split(self) -> list[Any]:
        return [self.body, self.head, self]


def sharded(params: Mapping[str, Any]) -> Sharded:
    return Sharded(OPTIMIZERS["adam"])


def nested(params: Mapping[str, Any]) -> Nested:
    return Nested(OPTIMIZERS["adam"])


class Crashing(Sharded):
    def on_train_epoch_start(self) -> None:
        if self.current_epoch == 2:
            raise OSError("the disk is gone")


def crashing(params: Mapping[str, Any]) -> Crashing:
    return Crashing(OPTIMIZERS["adam"])


def whole_module(params: Mapping[str, Any]) -> Net:
    return Net(OPTIMIZERS["adam"])


def strategy(is_distributed: bool = False) -> ModelParallelStrategy:
    return ModelParallelStrategy(WORLD, 1, save_distributed_checkpoint=is_distributed)


def sharded_task(**trainer: Any) -> dict[str, Any]:
    return {"module": sharded, "trainer": {"strategy": strategy()} | trainer}


def train_sharded(folder: Path, trials: list[Trial], changes: dict[str, Any]) -> Any:
    return train_on_rank(folder, trials, sharded_task() | changes)[:2]


PARAMS = {"penalty": "elastic_net", "lam": 0.1, "l1_ratio": 0.5}


@pytest.mark.parametrize("module", [sharded, nested])
def test_sharded_trials_report_and_keep_the_whole(
    tmp_path: Path, ranks: Ranks, module: Any
) -> None:
    trials = [Trial(0, PARAMS, 7), Trial(1, {"penalty": "none", "lam": 0.0}, 7)]
    _, reports, _ = train(tmp_path / "one", trials, module=whole_module, data=joined)
    for outcomes, mine in ranks.run(train_sharded, tmp_path / "two", trials, {"module": module}):
        assert [outcome.state for outcome in outcomes] == ["complete", "complete"]
        for some, others in zip(mine, reports, strict=True):
            assert_alike(some.metrics, others.metrics)
            assert some.histograms == others.histograms
    for number in (0, 1):
        saved, true = (
            torch.load(tmp_path / folder / f"{number}.pt", weights_only=True)
            for folder in ("two", "one")
        )
        for name, weight in true.items():
            torch.testing.assert_close(saved[name], weight, rtol=0, atol=1e-12)


def test_a_sharded_trial_is_resumed(tmp_path: Path, ranks: Ranks) -> None:
    changes = sharded_task(enable_checkpointing=True)
    ((_, whole_reports), _) = ranks.run(train_sharded, tmp_path, [Trial(0, PARAMS, 7)], changes)
    crash = [Trial(1, PARAMS, 7)]
    assert all(ranks.run(crash_on_rank, tmp_path, crash, changes | {"module": crashing}))
    left = tmp_path / "checkpoints" / "1.ckpt"
    again = [Trial(2, PARAMS, 7, attempt=1, resume_from=str(left))]
    for _, reports in ranks.run(train_sharded, tmp_path, again, changes):
        assert [report.step for report in reports] == [1, 2]  # the checkpoint's own comes again
        assert_alike(reports[1].metrics, whole_reports[2].metrics)


def folder_refused(folder: Path) -> str:
    asked = {"strategy": strategy(is_distributed=True), "enable_checkpointing": True}
    try:
        train_sharded(folder, [Trial(0, PARAMS, 7)], {"trainer": asked})
    except TypeError as error:
        return str(error)
    return "accepted"


def test_a_checkpoint_in_parts_is_refused(tmp_path: Path, ranks: Ranks) -> None:
    for message in ranks.run(folder_refused, tmp_path):
        assert "must be one file, but ModelParallelStrategy writes a folder" in message


def fitted(penalty: Any) -> dict[str, float]:
    made = fit(
        pytorch_lightning,
        Sharded(OPTIMIZERS["adam"]),
        [PenaltyCallback(penalty)],
        batches=loader(2 * BATCH, BATCH),
        trainer={"strategy": strategy(), "devices": WORLD},
    )
    return {name: value.item() for name, value in made.callback_metrics.items()}


def test_a_sharded_trainers_callback_logs_the_whole_penalty(ranks: Ranks) -> None:
    truth = Regularizer(L1(0.5)).value(Net()).item()
    for logged in ranks.run(fitted, L1(0.5)):
        assert logged["loss/penalty"] == pytest.approx(truth, rel=1e-6)
