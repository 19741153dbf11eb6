"""One quiet Trainer for each trial: what it respects, what it returns, how it fails."""

from __future__ import annotations

import logging
import os
import random
import re
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch
import numpy as np
import pytest
import pytorch_lightning
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, ModelSummary
from torch import nn
from torch.utils.data import DataLoader

from regsearch.cautions import DoublePenaltyWarning
from regsearch.engines.inline import InlineEngine
from regsearch.training.each import train_each
from regsearch.trials import Trial
from tests.nets import data
from tests.training.toys import L1_PARAMS, Listener, Net, OtherNet, loaders, task, train, trials


def other_module(params: Mapping[str, Any]) -> OtherNet:
    return OtherNet()


class DataModule(pytorch_lightning.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loaders()[0]

    def val_dataloader(self) -> Any:
        return loaders()[1]


def failure(folder: Path, given: Any) -> str:
    """Returns the error of a trial that an engine ran and that failed."""
    run = InlineEngine().run(partial(train_each, given, folder), trials(), Listener())
    (outcome,) = run
    assert outcome.state == "failed"
    assert "Traceback" in outcome.error
    return outcome.reason


def weights_of(folder: Path, number: int = 0) -> dict[str, torch.Tensor]:
    return torch.load(folder / f"{number}.pt", weights_only=True)


class Decayed(Net):
    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters())


def test_what_is_wrong_with_the_task_is_said_once_a_study(tmp_path: Path) -> None:
    given = task(module=lambda params: Decayed())
    kinds = ("none", "l1", "l1", "l2")
    queue = iter([Trial(i, {"penalty": kind, "lam": 0.1 + i}, 0) for i, kind in enumerate(kinds)])
    with pytest.warns(DoublePenaltyWarning) as caught:
        assert len(list(train_each(given, tmp_path, queue, Listener()))) == 4
    assert len(caught) == 1


def test_a_trial_completes_with_its_last_metric_and_weights(tmp_path: Path) -> None:
    listener = Listener()
    (outcome,) = train(tmp_path, task(), listener)
    assert (outcome.number, outcome.state, outcome.error) == (0, "complete", "")
    assert len(listener.reports) == 3
    assert outcome.value == listener.reports[-1].metrics["val_loss"] == outcome.metrics["val_loss"]
    net = Net()
    net.load_state_dict(weights_of(tmp_path))
    zeros = float((net.body.weight == 0).sum() + (net.head.weight == 0).sum()) / 15
    assert outcome.metrics["sparsity/all"] == pytest.approx(zeros)
    assert [path.name for path in tmp_path.iterdir()] == ["0.pt"]


@pytest.mark.parametrize("make", [other_module, lambda params: Net()])
def test_both_namespaces_train_alike(tmp_path: Path, make: Any) -> None:
    (here,) = train(tmp_path / "here", task())
    (there,) = train(tmp_path / "there", task(module=make))
    assert here == there


def test_the_same_seed_gives_the_same_result_bit_for_bit(tmp_path: Path) -> None:
    first, second = train(tmp_path, task(), count=2)
    assert first.metrics == second.metrics
    mine, other = weights_of(tmp_path, 0), weights_of(tmp_path, 1)
    assert all(torch.equal(mine[name], other[name]) for name in mine)


def test_a_listener_that_draws_numbers_changes_no_result(tmp_path: Path) -> None:
    def draw(report: Any) -> bool:
        return bool(torch.rand(()) + np.random.rand() + random.random() > 3)

    (plain,) = train(tmp_path, task())
    (drawn,) = train(tmp_path, task(), draw)
    assert plain == drawn


def test_the_caller_finds_everything_as_it_was_between_trials(tmp_path: Path) -> None:
    def surroundings() -> list[Any]:
        return [
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
            random.getstate(),
            torch.get_num_threads(),
            [os.environ.get(name) for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")],
            [logging.getLogger(name).level for name in ("pytorch_lightning", "lightning.pytorch")],
            signal.getsignal(signal.SIGINT),
        ]

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = surroundings()
        for _ in train_each(task(), tmp_path, trials(2), Listener()):
            assert surroundings() == before
        assert surroundings() == before
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("make", [lambda params: Net(), other_module], ids=["pl", "lightning"])
def test_trainers_are_silent(tmp_path: Path, make: Any, capfd: Any, recwarn: Any) -> None:
    train(tmp_path / "weights", task(module=make), count=2)
    assert capfd.readouterr() == ("", "")
    assert not list(recwarn)
    assert [path.name for path in Path.cwd().iterdir()] == ["weights"]


def test_the_tasks_own_trainer_arguments_are_respected(tmp_path: Path) -> None:
    asked = {"precision": "64-true", "limit_train_batches": 1, "max_steps": 2}
    listener = Listener()
    train(tmp_path, task(trainer=asked, max_epochs=5), listener)
    assert len(listener.reports) == 2
    assert weights_of(tmp_path)["body.weight"].dtype == torch.float64


def test_callbacks_are_copied_for_each_trial(tmp_path: Path) -> None:
    early = EarlyStopping("val_loss", patience=1, min_delta=100.0)
    for callbacks in (early, [early], (early,)):
        listener = Listener()
        outcomes = train(
            tmp_path, task(trainer={"callbacks": callbacks}, max_epochs=6), listener, count=2
        )
        assert [outcome.state for outcome in outcomes] == ["complete", "complete"]
        assert [report.step for report in listener.reports] == [0, 1, 0, 1]
    assert early.wait_count == 0


def test_callbacks_that_a_quiet_trainer_forbids_are_obeyed(tmp_path: Path) -> None:
    callbacks = [ModelCheckpoint(tmp_path / "checkpoints"), ModelSummary()]
    (outcome,) = train(tmp_path, task(trainer={"callbacks": callbacks}))
    assert outcome.state == "complete"
    assert list((tmp_path / "checkpoints").iterdir())


def test_a_data_module_is_data(tmp_path: Path) -> None:
    assert train(tmp_path / "a", task(data=DataModule)) == train(tmp_path / "b", task())


@pytest.mark.parametrize("stop_at", [0, 1])
@pytest.mark.parametrize("asked", [{}, {"min_epochs": 4}, {"min_steps": 100}], ids=repr)
def test_a_stopped_trial_is_pruned_before_min_epochs(
    tmp_path: Path, stop_at: int, asked: dict[str, Any]
) -> None:
    listener, nets = Listener(stop_at), []
    given = task(module=lambda params: nets.append(Net()) or nets[0], max_epochs=5, trainer=asked)
    (outcome,) = train(tmp_path, given, listener)
    assert (outcome.state, outcome.reason) == ("pruned", "pruner")
    assert nets[0].trainer.current_epoch == stop_at + 1
    assert len(listener.reports) == stop_at + 1
    assert outcome.value == listener.reports[-1].metrics["val_loss"]
    assert not list(tmp_path.iterdir())


def test_a_trial_stopped_after_its_last_epoch_is_complete(tmp_path: Path) -> None:
    (outcome,) = train(tmp_path, task(), Listener(stop_at=2))
    assert outcome.state == "complete"


class Diverging(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        factor = torch.nan if self.current_epoch == 1 else 1.0
        return super().training_step(batch, batch_idx) * factor


class Overflowing(Net):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", torch.tensor(torch.inf if self.current_epoch == 1 else 1.0))


@pytest.mark.parametrize("net", [Diverging, Overflowing])
def test_a_loss_that_is_not_finite_prunes_the_trial_as_diverged(tmp_path: Path, net: Any) -> None:
    listener = Listener()
    (outcome,) = train(tmp_path, task(module=lambda params: net(), max_epochs=4), listener)
    assert (outcome.state, outcome.reason) == ("pruned", "diverged")
    assert "in epoch 1" in outcome.error
    assert len(listener.reports) == 2
    assert not list(tmp_path.iterdir())


class Lossless(Net):
    def training_step(self, batch: Any, batch_idx: int) -> None:
        return None


class Raising(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        raise OSError("the disk is gone")


def empty() -> Any:
    return DataLoader(data(0), 4)


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
@pytest.mark.filterwarnings("ignore:Total length of")
@pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"monitor": "val_los"}, r"'val_los' was not\. Logged: .*train_epoch, val_loss\."),
        ({"module": lambda params: Lossless()}, "training_step must return a loss, .* epoch 0"),
        ({"module": lambda params: Raising()}, "OSError: the disk is gone"),
        ({"module": lambda params: nn.Linear(1, 1)}, "LightningModule is needed, but got Linear"),
        ({"data": lambda: (empty(), loaders()[1])}, "training loader is empty"),
        ({"data": lambda: (loaders()[0], empty())}, "at least one validation batch"),
        ({"data": lambda: (loaders()[0], None)}, "at least one validation batch"),
        ({"data": lambda: loaders()[0]}, "Task.data must return a pair"),
        ({"data": lambda: None}, "Task.data must return a pair"),
        ({"data": lightning.pytorch.LightningDataModule}, "module's own pytorch_lightning"),
        ({"trainer": {"limit_val_batches": 0}}, "at least one validation batch"),
        ({"trainer": {"check_val_every_n_epoch": 9}}, "At least one validation epoch"),
        ({"trainer": {"no_such": 1}}, "no_such"),
    ],
)
def test_what_cannot_be_trained_fails_and_says_why(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert re.search(message, failure(tmp_path, task(**changes)))
    assert not list(tmp_path.iterdir())


class Interrupted(Net):
    def on_train_epoch_end(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_in_a_fit_reaches_the_caller_as_such(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    run = InlineEngine().run(
        partial(train_each, task(module=lambda params: Interrupted()), tmp_path),
        trials(2),
        Listener(),
    )
    with pytest.raises(KeyboardInterrupt):
        list(run)
    assert signal.getsignal(signal.SIGINT) == handler


def test_an_interrupted_listener_interrupts_the_caller(tmp_path: Path) -> None:
    def interrupt(report: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, task(), interrupt)


def test_manual_optimization_may_return_no_loss(tmp_path: Path) -> None:
    given = trials(params=L1_PARAMS | {"lam": 50.0})
    (outcome,) = train_each(task(module=lambda params: Manual()), tmp_path, given, Listener())
    assert outcome.state == "complete"
    assert outcome.metrics["sparsity/all"] == 1.0
    assert "loss/total" not in outcome.metrics


class Manual(Net):
    automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.optimizers().zero_grad()
        self.manual_backward(self.loss(batch))
        self.optimizers().step()


def test_the_penalty_is_the_one_the_params_name(tmp_path: Path) -> None:
    (strong,) = train_each(task(), tmp_path, trials(params=L1_PARAMS | {"lam": 50.0}), Listener())
    assert strong.metrics["sparsity/all"] == 1.0
    (none,) = train_each(task(), tmp_path, trials(params={"penalty": "none"}), Listener())
    assert none.metrics["sparsity/all"] == 0.0
    assert none.metrics["loss/penalty"] == 0.0
