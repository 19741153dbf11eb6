"""What cannot be fused is refused by name; nothing is ignored, and nothing is wrong in silence."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning
import torch
import torchmetrics
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from regsearch.training.fused.dry_run import why_not_fusable
from regsearch.training.fused.refusal import NotFusableError
from tests.training.fused.toys import KINDS, Net, fused, loaders, task, trials


class Item(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("raw", self.loss(batch).item())
        return self.loss(batch)


class ByValue(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        return loss * 2 if loss > 1e9 else loss


class Masked(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        hidden = self.body(batch[0])
        return self.loss(batch) + hidden[hidden > 0].sum()


class Numpy(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        return loss + float(loss.detach().numpy())


class Manual(Net):
    automatic_optimization = False


class LBFGS(Net):
    def configure_optimizers(self) -> Any:
        return torch.optim.LBFGS(self.parameters())


class TwoOptimizers(Net):
    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(part.parameters(), 0.1) for part in (self.body, self.head)]


class NoOptimizer(Net):
    def configure_optimizers(self) -> Any:
        return None


class LSTM(Net):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.memory = nn.LSTM(3, 4)


class Hooked(Net):
    def on_train_epoch_start(self) -> None:
        self.lr = 3.0


class Clipped(Net):
    def configure_gradient_clipping(self, optimizer: Any, *limits: Any) -> None:
        self.clip_gradients(optimizer, 0.1, "norm")


class ForwardHook(Net):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.head.register_forward_hook(lambda module, inputs, output: output * 2)


class Metric(Net):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.error = torchmetrics.MeanSquaredError()

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.error.update(self.head(self.body(batch[0])), batch[1])
        self.log("error", self.error)
        return self.loss(batch)


class Remembering(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.last = loss.detach()
        return loss


class Adapting(Net):
    def __init__(self, lr: float = 0.02) -> None:
        super().__init__(lr)
        self.weight = 1.0

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) * self.weight

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        self.weight = self.weight / 2


class AskingTrainer(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) / self.trainer.num_training_batches


class AskingMuch(Net):
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 1.0 / self.trainer.datamodule.size)


class Watching(Net):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), 0.1)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        config = {"scheduler": scheduler, "monitor": "val_loss", "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": config}


class Ticking(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([loaders()[0].dataset[0]])


class Moving(pytorch_lightning.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loaders()[0]

    def val_dataloader(self) -> Any:
        return loaders()[1]

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return batch


MODULES = {
    Item: r"looks at a number, as \.item\(\)",
    ByValue: "decides by a tensor's value",
    Masked: "shape depends on values",
    Numpy: r"as \.numpy\(\) does",
    Manual: "optimizes manually",
    LBFGS: "LBFGS evaluates",
    TwoOptimizers: "has 2 optimizers",
    NoOptimizer: "configure_optimizers returns None",
    LSTM: "its memory is a LSTM",
    Hooked: "overrides on_train_epoch_start",
    Clipped: "overrides configure_gradient_clipping",
    ForwardHook: "its head has hooks",
    Metric: "a step uses the metric error",
    Remembering: "training_step writes last",
    Adapting: "training_step reads weight, which validation writes",
    AskingTrainer: r"reads self\.trainer",
    AskingMuch: r"reads self\.trainer\.datamodule",
    Watching: "watches a metric after each step",
}
ARGUMENTS = {
    "accumulate_grad_batches": 2,
    "callbacks": [pytorch_lightning.callbacks.EarlyStopping("val_loss")],
    "precision": "16-mixed",
    "max_steps": 3,
    "max_time": "00:00:01:00",
    "val_check_interval": 0.5,
    "overfit_batches": 1,
    "enable_checkpointing": True,
    "logger": True,
    "strategy": "ddp",
    "check_val_every_n_epoch": None,
    "detect_anomaly": True,
    "no_such_argument": 1,
    "accelerator": "tpu",
}


@pytest.mark.parametrize("net", MODULES, ids=lambda net: net.__name__)
def test_modules_that_cannot_be_fused(tmp_path: Path, net: Any) -> None:
    given = task(net)
    run = fused(given, trials(KINDS[1:3]), tmp_path)
    for outcome in run.outcomes.values():
        assert outcome.state == "failed"
        assert "NotFusableError" in outcome.reason
        assert re.search(MODULES[net], outcome.reason)
    reason = why_not_fusable(given, KINDS[1])
    assert reason is not None
    assert reason in run.outcomes[0].reason


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_of_the_trainer_that_are_not_done(tmp_path: Path, name: str) -> None:
    given = task(trainer={name: ARGUMENTS[name]})
    assert why_not_fusable(given, KINDS[0]) == f"Task.trainer has {name}={ARGUMENTS[name]!r}"
    (outcome,) = fused(given, trials(KINDS[:1]), tmp_path).outcomes.values()
    assert name in outcome.reason


def test_trials_of_several_devices() -> None:
    reason = why_not_fusable(task(devices_per_trial=2), KINDS[0])
    assert reason == "a trial is spread over several devices"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: (DataLoader(Ticking()), loaders()[1]), "the training loader has no length"),
        (lambda: (loaders()[0], [loaders()[1]]), "the validation loader is a list"),
        (Moving, "its data module overrides on_after_batch_transfer"),
    ],
)
def test_data_that_cannot_be_shared(data: Any, reason: str) -> None:
    assert reason in str(why_not_fusable(task(data=data), KINDS[0]))


def test_every_argument_of_the_trainer_is_done_or_refused() -> None:
    """One that Lightning adds is refused, not ignored: no argument is let through by default."""
    known = set(inspect.signature(pytorch_lightning.Trainer).parameters)
    for name in known - {"max_epochs", "devices"} - DONE:
        value = object()  # asks for something, whatever the argument means
        reason = why_not_fusable(task(trainer={name: value}), KINDS[0])
        assert reason is None or name in reason
        if reason is None:
            assert name in FREE, name


DONE = {
    "accelerator",
    "check_val_every_n_epoch",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "limit_train_batches",
    "limit_val_batches",
}
FREE = {
    "benchmark",
    "default_root_dir",
    "enable_autolog_hparams",
    "inference_mode",
    "limit_predict_batches",
    "limit_test_batches",
    "log_every_n_steps",
    "min_epochs",
    "min_steps",
    "use_distributed_sampler",
}


def test_what_can_be_fused_has_no_reason() -> None:
    assert why_not_fusable(task(), KINDS[1]) is None


def test_an_error_of_the_modules_own_is_no_reason() -> None:
    class Broken(Net):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        why_not_fusable(task(Broken), KINDS[1])


def test_the_error_survives_a_pipe() -> None:
    error = pickle.loads(pickle.dumps(NotFusableError("it is too large")))
    assert error.reason == "it is too large"
    assert "but it is too large." in str(error)
