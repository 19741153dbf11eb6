"""Epoch means of data loss and penalty: the arithmetic, and what Lightning logs of them."""

from __future__ import annotations

import csv
from collections import UserDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from regsearch import L1, L2, ElasticNet, PenaltyCallback, Regularizer, named
from regsearch.losses import LossMeans, batch_size, together
from tests.nets import NAMESPACES, descend, fit, loader, net_class


@pytest.fixture(params=NAMESPACES, ids=lambda pl: pl.__name__)
def pl(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_means_are_weighted_by_samples() -> None:
    means = LossMeans()
    means.add(torch.tensor(1.0), torch.tensor(10.0), samples=3)
    means.add(torch.tensor([5.0]), torch.tensor(20.0), samples=1)
    assert means.means() == {"loss/data": 2.0, "loss/penalty": 12.5, "loss/total": 14.5}


def test_there_are_no_means_before_the_first_batch() -> None:
    assert LossMeans().means() == {}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_losses_are_summed_without_loss(dtype: torch.dtype) -> None:
    means = LossMeans()
    for _ in range(3000):
        means.add(torch.tensor(1.0, dtype=dtype), torch.tensor(0.25), samples=32)
    assert means.means()["loss/data"] == pytest.approx(1.0, abs=1e-8)
    assert means.means()["loss/penalty"] == pytest.approx(0.25, abs=1e-8)


def test_processes_that_train_together_are_summed_up() -> None:
    means = LossMeans()
    means.add(torch.tensor(1.0), torch.tensor(2.0), samples=3)
    other = torch.tensor([5.0, 2.0, 1.0])  # summed losses, summed penalties, samples
    assert means.means(lambda sums: sums + other)["loss/data"] == 2.0
    assert means.means(lambda sums: sums + other)["loss/penalty"] == 2.0


def test_penalties_on_one_loss_add_up() -> None:
    one = {"loss/data": 1.0, "loss/penalty": 2.0, "loss/total": 3.0}
    other = {"loss/data": 1.0, "loss/penalty": 5.0, "loss/total": 6.0}
    assert together([{}, one, other]) == {"loss/data": 1.0, "loss/penalty": 7.0, "loss/total": 8.0}
    assert together([{}, {}]) == {}


@pytest.mark.parametrize(
    "batch",
    [
        torch.zeros(7, 2),
        (torch.zeros(7), torch.zeros(3)),
        {"ids": [torch.tensor(0.5), torch.zeros(7, 2)]},
        UserDict(x=torch.zeros(7)),
    ],
)
def test_a_batchs_size_is_its_first_tensors_length(batch: Any) -> None:
    assert batch_size(batch) == 7


@pytest.mark.parametrize("batch", [None, "text", 3, torch.tensor(1.0), []])
def test_a_batch_without_a_tensor_of_samples_counts_once(batch: Any) -> None:
    assert batch_size(batch) == 1


def tensor_step(self: Any, batch: Any, batch_idx: int) -> Any:
    return self.loss(batch)


def dict_step(self: Any, batch: Any, batch_idx: int) -> Any:
    return {"loss": self.loss(batch).reshape(1), "prediction": self(batch[0])}


def manual_step(self: Any, batch: Any, batch_idx: int) -> Any:
    loss = self.loss(batch)
    self.optimizers().zero_grad()
    self.manual_backward(loss)
    self.optimizers().step()
    return loss


def expected(net: Any, batches: list[Any], l1: float, l2: float) -> dict[str, Tensor]:
    """The epoch's means, by hand: each batch's losses at the weights that it met."""
    data = penalty = torch.tensor(0.0)
    for batch in batches:
        samples = len(batch[0])
        weights = [net.body.weight.detach().clone(), net.head.weight.detach().clone()]
        data = data + net.loss(batch).detach() * samples
        penalty = penalty + samples * sum(
            l1 * w.abs().sum() + l2 * w.square().sum() for w in weights
        )
        descend(net, [batch], l1=l1, l2=l2)
    n = sum(len(batch[0]) for batch in batches)
    return {
        "loss/data": data / n,
        "loss/penalty": penalty / n,
        "loss/total": (data + penalty) / n,
    }


@pytest.mark.parametrize("step", [tensor_step, dict_step, manual_step])
def test_an_epochs_losses_are_those_computed_by_hand(pl: Any, step: Any) -> None:
    members = {"training_step": step, "automatic_optimization": step is not manual_step}
    net = type("Net", (net_class(pl),), members)()
    callback = PenaltyCallback(ElasticNet(0.2, 0.25))
    trainer = fit(pl, net, [callback], epochs=2)
    truth = net_class(pl)()
    descend(truth, loader(), l1=0.05, l2=0.15)
    for name, value in expected(truth, [*loader()], 0.05, 0.15).items():
        assert trainer.callback_metrics[name].item() == pytest.approx(value.item(), rel=1e-6)
        assert callback.losses()[name] == pytest.approx(value.item(), rel=1e-12)


def test_accumulation_leaves_the_losses_as_they_are(pl: Any) -> None:
    """Batches of 2, two a step, are the batches of 4: the same losses but for their weighting."""
    whole, parts = PenaltyCallback(L1(0.05)), PenaltyCallback(L1(0.05))
    fit(pl, net_class(pl)(), [whole], batches=loader(8, 4))
    accumulate = {"accumulate_grad_batches": 2}
    fit(pl, net_class(pl)(), [parts], batches=loader(8, 2), trainer=accumulate)
    assert whole.losses() == pytest.approx(parts.losses(), rel=1e-12)


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")  # once a process
def test_batches_without_a_loss_are_left_out(pl: Any) -> None:
    def training_step(self: Any, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) if batch_idx else None

    callback = PenaltyCallback(L2(0.05))
    net = type("Net", (net_class(pl),), {"training_step": training_step})()
    fit(pl, net, [callback])
    truth = expected(net_class(pl)(), [*loader()][1:], 0.0, 0.05)
    assert callback.losses() == pytest.approx({k: v.item() for k, v in truth.items()}, rel=1e-12)


def test_losses_reach_the_loggers(pl: Any, tmp_path: Path) -> None:
    logger = pl.loggers.CSVLogger(tmp_path, flush_logs_every_n_steps=1)
    parts = [Regularizer(L1(0.1), named("body.*")), Regularizer(L2(0.1), named("head.*"))]
    trainer = {"logger": logger}
    callbacks = [PenaltyCallback(part) for part in parts]
    fit(pl, net_class(pl)(), callbacks, epochs=3, trainer=trainer | {"log_every_n_steps": 1})
    with Path(logger.log_dir, "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["loss/total"]]
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    for row in rows:
        parts_sum = float(row["loss/data"]) + float(row["loss/penalty"])
        assert float(row["loss/total"]) == pytest.approx(parts_sum, rel=1e-5)
    penalty = sum(callback.losses()["loss/penalty"] for callback in callbacks)
    assert float(rows[-1]["loss/penalty"]) == pytest.approx(penalty, rel=1e-5)
