"""What modules do in their steps: it gives in a stack what it gives alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics
from torch import Tensor, nn

from regsearch.training.fused.updates import COPY_BYTES
from tests.training.fused.toys import (
    KINDS,
    Net,
    agree,
    assert_same,
    each,
    fused,
    stop_early,
    task,
    trials,
)


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
        words = (batch[0] > 0).long() + (batch[0] > 1).long()
        return nn.functional.mse_loss(self.head(self.body(words)), batch[1])


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
    [Norm, LayerNorm, Conv, Embedded, Attentive, Frozen, Tied, HalfEvaluating],
    ids=lambda n: n.__name__,
)
def test_layers(tmp_path: Path, net: Any) -> None:
    agree(tmp_path, task(net))


def test_running_statistics_are_each_trials_own(tmp_path: Path) -> None:
    given = task(Norm, max_epochs=3)
    mine, alone = (
        fused(given, trials(KINDS[1:4]), tmp_path),
        each(given, trials(KINDS[1:4]), tmp_path),
    )
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
    agree(tmp_path, task(Measured, max_epochs=5), width=2, stop=stop_early)


class Timed(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("epoch", float(self.current_epoch))
        weight = 1.0 if self.current_epoch < 2 else 0.5
        return self.loss(batch) * (weight + 0.01 * self.global_step + 0.1 * batch_idx)


def test_modules_that_ask_what_time_it_is(tmp_path: Path) -> None:
    """Trials at different epochs then need different code, so they are not mixed."""
    agree(tmp_path, task(Timed, max_epochs=5), width=2, stop=stop_early)


class Dropping(Net):
    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5))


def test_dropout_is_each_trials_own_and_repeatable(tmp_path: Path) -> None:
    """Equal trials differ by what they drop; the same stack again gives the same."""
    given, same = task(Dropping), trials([KINDS[1]] * 3)
    first, second = (fused(given, same, tmp_path / name) for name in ("first", "second"))
    assert_same(first, second, tolerance=0.0)
    assert len({outcome.value for outcome in first.outcomes.values()}) == 3


class Large(Net):
    """Its second weight's gradient is copied trial by trial."""

    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 800), nn.Tanh(), nn.Linear(800, 800), nn.Linear(800, 5))


def test_large_gradients_are_taken_in_parts(tmp_path: Path) -> None:
    assert COPY_BYTES < 8 * 800 * 800
    agree(tmp_path, task(Large, max_epochs=2))
