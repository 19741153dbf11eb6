"""Attempts at a trial of a Task that checkpoints, and what they leave behind."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD

from regsearch import Outcome, Report, Task, Trial
from regsearch.training.checkpoints import checkpoint_path
from regsearch.training.each import train_each
from tests.training.toys import Listener, Net, task

EPOCHS = 4
PARAMS = {"penalty": "elastic_net", "lam": 0.02, "l1_ratio": 0.5}
CHECKPOINTING = {"enable_checkpointing": True}


class Full(Net):
    """Everything that has a state: BatchNorm, dropout, noise from three generators."""

    def build(self, lr: float) -> None:
        super().build(lr)
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("epochs", torch.zeros(()))

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        noise = 0.01 * (torch.rand(()) + np.random.rand() + random.random())
        return super().loss((self.norm(x.float() + noise), y))

    def on_train_start(self) -> None:
        torch.rand(3)  # of no use, but for the generator

    def on_train_epoch_start(self) -> None:
        torch.rand(2)

    def on_train_epoch_end(self) -> None:
        self.epochs += torch.rand(())


def momentum(net: Any) -> Any:
    return SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)


def module_with(optimizers: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], Net]:
    net = type("Configured", (Full,), {"configure_optimizers": optimizers})
    return lambda params: net()


def checkpointing(changes: Mapping[str, Any]) -> Task:
    trainer = CHECKPOINTING | changes.get("trainer", {})
    module = {"module": module_with(momentum)}
    return task(**module | {"max_epochs": EPOCHS} | dict(changes) | {"trainer": trainer})


class Keeping(Listener):
    """Keeps the checkpoint that a trial has left by the time of each report."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.kept: dict[int, Path] = {}

    def __call__(self, report: Report) -> bool:
        path = checkpoint_path(self.folder, report.trial)
        if path.exists():
            kept = self.folder / f"kept-{report.step}.ckpt"
            self.kept[report.step] = Path(shutil.copy(path, kept))
        return super().__call__(report)


def attempt(folder: Path, given: Task, listener: Any, trial: Trial) -> Outcome:
    (outcome,) = train_each(given, folder, iter([trial]), listener)
    return outcome


def step_in(listener: Keeping, step: int) -> int:
    """Returns which report was the last before a kept checkpoint was written."""
    found = torch.load(listener.kept[step], weights_only=True)
    return int(found["callbacks"]["Monitor"]["step"])
