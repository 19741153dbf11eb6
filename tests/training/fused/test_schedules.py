"""Learning rates that change: in a stack when they change alone, for each trial by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau, StepLR

from tests.training.fused.toys import Net, agree, stop_early, task


class Scheduled(Net):
    config: Any = None

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), 0.05, momentum=0.9)
        made = type(self).config(self, optimizer)
        return made if isinstance(made, dict | tuple) else ([optimizer], [made])


def _each_step(module: Any, optimizer: Any) -> Any:
    scheduler = OneCycleLR(optimizer, 0.1, total_steps=module.trainer.estimated_stepping_batches)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _every_other(module: Any, optimizer: Any) -> Any:
    scheduler = LambdaLR(optimizer, lambda epoch: 0.7**epoch)
    config = {"scheduler": scheduler, "interval": "step", "frequency": 2}
    return [optimizer], [config, StepLR(optimizer, 2, 0.5)]


def _watching(module: Any, optimizer: Any) -> Any:
    scheduler = ReduceLROnPlateau(optimizer, threshold=0.5, patience=0, factor=0.3)
    return {"optimizer": optimizer, "lr_scheduler": scheduler, "monitor": "val_loss"}


def _watching_every_other(module: Any, optimizer: Any) -> Any:
    config = _watching(module, optimizer)
    scheduler = {"scheduler": config.pop("lr_scheduler"), "monitor": "val_loss", "frequency": 2}
    return {**config, "lr_scheduler": scheduler}


@pytest.mark.parametrize(
    "config",
    [
        lambda module, optimizer: StepLR(optimizer, 2, 0.3),
        _each_step,
        _every_other,
        _watching,
        _watching_every_other,
    ],
    ids=["step", "one cycle", "every other", "plateau", "plateau every other"],
)
def test_schedulers(tmp_path: Path, config: Any) -> None:
    net = type("Net", (Scheduled,), {"config": staticmethod(config)})
    agree(tmp_path, task(net, max_epochs=6), width=2, stop=stop_early)
