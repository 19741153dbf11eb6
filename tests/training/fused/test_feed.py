"""Trials see the batches that they would see alone, whatever the loaders draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from regsearch.training.fused import feed
from regsearch.training.fused.feed import Feed, Limits
from regsearch.training.fused.refusal import NotFusableError
from tests.training.fused.toys import Net, agree, loaders, samples, stop_early, task


@pytest.mark.parametrize(
    "trainer",
    [
        {"limit_train_batches": 2, "limit_val_batches": 1},
        {"limit_train_batches": 0.7},
        {"check_val_every_n_epoch": 2},
        {"gradient_clip_val": 0.7},
        {"gradient_clip_val": 0.1, "gradient_clip_algorithm": "value"},
        {"accelerator": "cpu", "log_every_n_steps": 1, "inference_mode": False, "precision": 32},
    ],
    ids=str,
)
def test_arguments_of_the_trainer(tmp_path: Path, trainer: Any) -> None:
    agree(tmp_path, task(trainer=trainer, max_epochs=6), width=2, stop=stop_early)


class Drawing(Dataset[Any]):
    """Draws its samples as they are asked for."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        x = torch.randn(6, dtype=torch.float64)
        return x, x[:1] + index


def drawing() -> Any:
    return DataLoader(Drawing(), 4, shuffle=True), DataLoader(Drawing(), 5)


def own_generators() -> Any:
    generator = torch.Generator().manual_seed(5)
    train = DataLoader(samples(22), 8, shuffle=True, generator=generator)
    return train, DataLoader(samples(11), 8)


class Module(lightning.pytorch.LightningDataModule):
    def setup(self, stage: str) -> None:
        self.mine = samples(15)

    def train_dataloader(self) -> Any:
        return DataLoader(self.mine, 4, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.mine, 15)


@pytest.mark.parametrize("data", [drawing, own_generators])
def test_data(tmp_path: Path, data: Any) -> None:
    agree(tmp_path, task(data=data), width=2, stop=stop_early)


def test_the_other_namespace_and_data_modules(tmp_path: Path) -> None:
    members = {name: vars(Net)[name] for name in vars(Net) if not name.startswith("__")}

    class Other(lightning.pytorch.LightningModule):
        def __init__(self, lr: float = 0.02) -> None:
            super().__init__()
            self.lr = lr
            self.body, self.head = nn.Linear(6, 5), nn.Linear(5, 1)
            self.double()

    net = type("OtherNet", (Other,), members)
    agree(tmp_path, task(net, data=Module))


def feed_of(given: Any = None, **limits: Any) -> Feed:
    torch.manual_seed(0)
    return Feed(given or loaders(), Limits(**limits), torch.device("cpu"))


def first(epoch: Any) -> Any:
    return epoch.train[0][0]


def test_epochs_differ_and_come_back() -> None:
    made = feed_of()
    zeroth, third = made.epoch(0), made.epoch(3)
    assert not torch.equal(first(zeroth), first(third))
    assert made.epoch(0) is zeroth
    assert made.epoch(1).validation is zeroth.validation, "what is equal is kept once"


def test_an_epoch_that_was_dropped_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [first(feed_of(drawing()).epoch(number)).clone() for number in range(3)]
    monkeypatch.setattr(feed, "ROOM", 2000)
    made = feed_of(drawing())
    for number in (2, 0, 1, 0, 2):
        assert torch.equal(first(made.epoch(number)), expected[number])
    assert not made.has_room(3)


def test_an_epoch_larger_than_the_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "ROOM", 100)
    with pytest.raises(NotFusableError, match="an epoch's batches take more than"):
        feed_of().epoch(0)


def test_epochs_of_different_shapes_are_not_mixed() -> None:
    assert feed_of().is_even
    assert not feed_of(every=2).is_even


def test_the_generators_stay_as_they_are() -> None:
    made = feed_of(drawing())
    before = torch.get_rng_state()
    made.epoch(2)
    assert torch.equal(torch.get_rng_state(), before)


class Ragged(Dataset[Any]):
    """Rows of several lengths, padded by batch: no two epochs have the same shapes."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        return torch.arange(index + 1.0, dtype=torch.float64)


def padded(rows: list[Any]) -> Any:
    x = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return nn.functional.pad(x, (0, 12 - x.shape[1]))[:, :6] / 12, x.sum(1, keepdim=True) / 50


def ragged() -> Any:
    def cut(rows: list[Any]) -> Any:
        x, y = padded(rows)
        return x[: 3 + len(rows[0]) % 2], y[: 3 + len(rows[0]) % 2]

    train = DataLoader(Ragged(), 4, shuffle=True, collate_fn=cut)
    return train, DataLoader(Ragged(), 6, collate_fn=padded)


def test_batches_whose_shapes_vary(tmp_path: Path) -> None:
    agree(tmp_path, task(data=ragged, max_epochs=5), width=2, stop=stop_early)
