"""A tiny task: modules and data at the top level of a module, so that they pickle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch
import pytorch_lightning
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.utils.data import DataLoader

from regsearch import Outcome, Report, Task, Trial
from regsearch.training.each import train_each
from tests.nets import data

L1_PARAMS = {"penalty": "l1", "lam": 0.05}


class Steps:
    """A regression on four features, of which one does not matter."""

    def build(self, lr: float) -> None:
        self.lr = lr
        self.body = nn.Linear(4, 3)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(3, 1)

    def loss(self, batch: Any) -> Tensor:
        x, y = (tensor.to(self.head.weight) for tensor in batch)
        return nn.functional.mse_loss(self.head(self.dropout(torch.tanh(self.body(x)))), y)

    def training_step(self: Any, batch: Any, batch_idx: int) -> Any:
        self.log("train_epoch", float(self.current_epoch), on_step=False, on_epoch=True)
        return self.loss(batch)

    def validation_step(self: Any, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))
        self.log("loss/own", 1.0)

    def configure_optimizers(self: Any) -> Any:
        return SGD(self.parameters(), lr=self.lr)


class Net(Steps, pytorch_lightning.LightningModule):
    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.build(lr)


class OtherNet(Steps, lightning.pytorch.LightningModule):
    """The same in Lightning's other namespace."""

    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.build(lr)


def module(params: Mapping[str, Any]) -> Net:
    return Net()


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(data(), 4, shuffle=True), DataLoader(data(6), 4)


def task(**changes: Any) -> Task:
    return Task(**{"module": module, "data": loaders, "max_epochs": 3} | changes)


class Listener:
    """Keeps reports; stops the trial at the given step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.reports: list[Report] = []
        self.stop_at = stop_at

    def __call__(self, report: Report) -> bool:
        self.reports.append(report)
        return report.step == self.stop_at


def trials(count: int = 1, params: Mapping[str, Any] | None = None) -> Iterator[Trial]:
    for number in range(count):
        yield Trial(number, params or L1_PARAMS, seed=7)


def train(folder: Path, given: Task, listener: Any = None, count: int = 1) -> list[Outcome]:
    return list(train_each(given, folder, trials(count), listener or Listener()))
