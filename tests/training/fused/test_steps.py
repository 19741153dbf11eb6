"""What modules do in their steps: it gives in a stack what it gives alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch
import pytest
import torch
import torchmetrics
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, Dataset

from tests.training.fused.toys import (
    KINDS,
    Net,
    assert_same,
    each,
    fused,
    samples,
    task,
    trials,
)

FEW = KINDS[1:6:2]


def agree(tmp_path: Path, given: Any, *, width: int = 4, **named: Any) -> None:
    mine = fused(given, trials(FEW), tmp_path, width=width, **named)
    alone = each(given, trials(FEW), tmp_path, **named)
    assert {outcome.state for outcome in alone.outcomes.values()} <= {"complete", "pruned"}
    assert_same(mine, alone)


class Norm(Net):
    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU())


class LayerNorm(Net):
    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.GELU())


class Conv(Net):
    def make_body(self) -> nn.Module:
        layers = nn.Conv1d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 5)
        return nn.Sequential(nn.Unflatten(1, (1, 6)), *layers)


class Embedded(Net):
    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Embedding(4, 3), nn.Flatten(), nn.Linear(18, 5))

    def loss(self, batch: Any) -> Tensor:
        return super().loss(((batch[0] > 0).long() + (batch[0] > 1).long(), batch[1]))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        words = (batch[0] > 0).long() + (batch[0] > 1).long()
        return nn.functional.mse_loss(self.head(self.body(words)), batch[1])

    validation_step = Net.validation_step


class Attentive(Net):
    def make_body(self) -> nn.Module:
        layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
        return nn.Sequential(nn.Unflatten(1, (1, 6)), layer, nn.Flatten(), nn.Linear(6, 5))


class Frozen(Net):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.body[0].bias.requires_grad_(False)
        self.unused = nn.Linear(2, 2).double()


class Tied(Net):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.again = self.head

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        hidden = self.body(x)
        return nn.functional.mse_loss(self.head(hidden) + self.again(hidden.sin()), y)


class HalfEvaluating(Net):
    """A norm that was put into evaluation mode stays there in training."""

    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.norm = nn.BatchNorm1d(5).double().eval()

    def loss(self, batch: Any) -> Tensor:
        return nn.functional.mse_loss(self.head(self.norm(self.body(batch[0]))), batch[1])


@pytest.mark.filterwarnings("ignore:No optimizer updates")
@pytest.mark.filterwarnings("ignore:Found .* module.* in eval mode")
@pytest.mark.parametrize(
    "net",
    [Norm, LayerNorm, Conv, Attentive, Frozen, Tied, HalfEvaluating],
    ids=lambda n: n.__name__,
)
def test_layers(tmp_path: Path, net: Any) -> None:
    agree(tmp_path, task(net))


def test_running_statistics_are_each_trials_own(tmp_path: Path) -> None:
    given = task(Norm, max_epochs=3)
    mine, alone = fused(given, trials(FEW), tmp_path), each(given, trials(FEW), tmp_path)
    for number in alone.outcomes:
        for name, tensor in alone.weights(number).items():
            found = mine.weights(number)[name]
            assert found.dtype == tensor.dtype
            torch.testing.assert_close(found, tensor, rtol=1e-9, atol=1e-9)


class Logging(Net):
    """Logs in every way there is."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.log("step", loss)
        self.log("both", loss, on_step=True, on_epoch=True, prog_bar=True)
        self.log("epoch", loss, on_step=False, on_epoch=True)
        self.log("largest", loss, False, None, False, True, "max")
        self.log("least", loss, on_step=False, on_epoch=True, reduce_fx=torch.min)
        self.log("sum", loss, on_step=False, on_epoch=True, reduce_fx="sum")
        self.log("sized", loss, on_step=False, on_epoch=True, batch_size=batch_idx + 1)
        self.log("shared", batch[0].mean(), on_step=False, on_epoch=True)
        self.log_dict({"number": 3, "share": 0.5}, on_epoch=True)
        self.log("overwritten", 1.0, on_step=False, on_epoch=True)
        return {"loss": loss, "more": loss.detach()}

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("val_loss", self.loss(batch), sync_dist=True, logger=False)
        self.log("overwritten", 2.0)
        self.log("loss/own", torch.tensor([1.5]))
        self.log("either", batch_idx > 0)
        return {"whatever": self.loss(batch)}


def test_what_is_logged(tmp_path: Path) -> None:
    agree(tmp_path, task(Logging))


class Measured(Net):
    """Its validation uses metric objects, looks at numbers and remembers some."""

    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.error = torchmetrics.MeanAbsoluteError()
        self.several = torchmetrics.MetricCollection([torchmetrics.MeanSquaredError()])
        self.losses: list[float] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        predicted = self.head(self.body(batch[0]))
        self.error.update(predicted, batch[1])
        self.several.update(predicted, batch[1])
        self.log("error", self.error)
        self.log_dict(self.several)
        self.losses.append(self.loss(batch).item())
        if self.losses[-1] >= 0:
            self.log("val_loss", self.losses[-1])
        self.log("mean", sum(self.losses) / len(self.losses))
        self.log("hidden", self.body(batch[0])[predicted[:, 0] > 0].sum())


def test_a_validation_that_is_not_for_several_trials_is_done_for_each(tmp_path: Path) -> None:
    stop = lambda report: report.trial == 0 and report.step == 1  # noqa: E731
    agree(tmp_path, task(Measured, max_epochs=5), width=2, stop=stop)


class Timed(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("epoch", float(self.current_epoch))
        weight = 1.0 if self.current_epoch < 2 else 0.5
        return self.loss(batch) * (weight + 0.01 * self.global_step + 0.1 * batch_idx)


def test_modules_that_ask_what_time_it_is(tmp_path: Path) -> None:
    """Trials at different epochs then need different code, so they are not mixed."""
    stop = lambda report: report.trial == 0 and report.step == 1  # noqa: E731
    agree(tmp_path, task(Timed, max_epochs=5), width=2, stop=stop)


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
    scheduler = ReduceLROnPlateau(optimizer, patience=0, factor=0.3)
    return {"optimizer": optimizer, "lr_scheduler": scheduler, "monitor": "val_loss"}


@pytest.mark.parametrize(
    "config",
    [lambda module, optimizer: StepLR(optimizer, 2, 0.3), _each_step, _every_other, _watching],
    ids=["step", "one cycle", "every other", "plateau"],
)
def test_schedulers(tmp_path: Path, config: Any) -> None:
    net = type("Net", (Scheduled,), {"config": staticmethod(config)})
    stop = lambda report: report.trial == 0 and report.step == 1  # noqa: E731
    agree(tmp_path, task(net, max_epochs=6), width=2, stop=stop)


@pytest.mark.parametrize(
    "trainer",
    [
        {"limit_train_batches": 2, "limit_val_batches": 1},
        {"limit_train_batches": 0.7},
        {"check_val_every_n_epoch": 2},
        {"gradient_clip_val": 0.05},
        {"gradient_clip_val": 0.02, "gradient_clip_algorithm": "value"},
        {"accelerator": "cpu", "log_every_n_steps": 1, "inference_mode": False, "precision": 32},
    ],
    ids=str,
)
def test_arguments_of_the_trainer(tmp_path: Path, trainer: Any) -> None:
    stop = lambda report: report.trial == 0 and report.step == 1  # noqa: E731
    agree(tmp_path, task(trainer=trainer, max_epochs=6), width=2, stop=stop)


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
    stop = lambda report: report.trial == 0 and report.step == 1  # noqa: E731
    agree(tmp_path, task(data=data), width=2, stop=stop)


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


class Dropping(Net):
    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5))


def test_dropout_is_each_trials_own_and_repeatable(tmp_path: Path) -> None:
    """Equal trials differ by what they drop; the same stack again gives the same."""
    given, same = task(Dropping), trials([KINDS[1]] * 3)
    first, second = (fused(given, same, tmp_path / name) for name in ("first", "second"))
    assert_same(first, second, tolerance=0.0)
    assert len({outcome.value for outcome in first.outcomes.values()}) == 3
