"""A real training that can be struck: a line is fitted, and waits in an epoch the first time.

This file imports nothing of studies, so that worker processes are there sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch.utils.data import DataLoader, TensorDataset

from tests.faults.curves import wait_to_be_struck

EPOCHS = 5
WAITS_IN = 1
STRUCK_IN = 3  # its epoch


class Line(LightningModule):
    """Fits a line; the first one to reach an epoch with λ above 0 waits there to be struck."""

    def __init__(self, waits: bool) -> None:
        super().__init__()
        self.line = torch.nn.Linear(2, 1)
        self.waits = waits

    def on_train_epoch_start(self) -> None:
        file = Path(str(WAITS_IN)).absolute()
        if self.waits and self.current_epoch == STRUCK_IN and not file.exists():
            wait_to_be_struck(file)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        x, y = batch
        return torch.nn.functional.mse_loss(self.line(x), y)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def module(params: Mapping[str, Any]) -> Line:
    return Line(waits=params["lam"] > 0)


def data() -> tuple[DataLoader[Any], DataLoader[Any]]:
    x = torch.randn(32, 2, generator=torch.Generator().manual_seed(0))
    pairs = TensorDataset(x, x.sum(1, keepdim=True))
    return DataLoader(pairs, 8, shuffle=True), DataLoader(pairs, 32)
