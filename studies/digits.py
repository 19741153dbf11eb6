"""Which penalty, and how strong, for a small network that reads handwritten digits?

scikit-learn's 1,797 digits of 8 x 8 pixels, a perceptron with two hidden layers, 40 trials of 30
epochs over no penalty, L1, L2 and elastic net, trained as one model, the poor ones pruned. At its
end it says how much faster that was than one after another. Run it again to go on where it stopped;
raise N_TRIALS to look further.

    python -m studies.digits
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from pytorch_lightning import LightningModule
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from regsearch import Space, Study, Task

N_TRIALS = 40
EPOCHS = 30

Batch = tuple[Tensor, Tensor]


class Digits(LightningModule):
    """A perceptron 64-128-64-10; it knows nothing of penalties."""

    def __init__(self, lr: float = 5e-3) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        images, labels = batch
        return cross_entropy(self.net(images), labels)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        images, labels = batch
        scores = self.net(images)
        self.log("val_loss", cross_entropy(scores, labels))
        self.log("val_acc", (scores.argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def module(params: Mapping[str, Any]) -> Digits:
    return Digits()


@cache
def _splits() -> tuple[Any, Any]:
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.5, random_state=0, stratify=labels)
    x_train, x_val, y_train, y_val = (torch.from_numpy(part) for part in parts)
    return TensorDataset(x_train.float(), y_train), TensorDataset(x_val.float(), y_val)


def data() -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    train, validation = _splits()
    return DataLoader(train, batch_size=64, shuffle=True), DataLoader(validation, batch_size=512)


def study(n_trials: int = N_TRIALS, storage: str | None = "sqlite:///regsearch.db") -> Study:
    task = Task(module, data, max_epochs=EPOCHS, monitor="val_loss")
    return Study("digits", task, Space(("l1", "l2", "elastic_net")), n_trials, storage=storage)


if __name__ == "__main__":
    study().run()
