"""A trial without a Trainer is the trial with one, also where its module cannot be fused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.training.fused.test_refusals import (
    LSTM,
    Adapting,
    ByValue,
    ForwardHook,
    Item,
    Masked,
    Metric,
    Numpy,
    Remembering,
)
from tests.training.fused.test_steps import Logging, Measured, Norm, Timed
from tests.training.fused.toys import KINDS, Net, assert_same, each, lean, task, trials


class Recurrent(LSTM):
    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        hidden, _ = self.memory(x.unflatten(1, (2, 3)))
        return nn.functional.mse_loss(self.head(self.body(x)) + hidden[:, -1, :1], y)


MODULES = [
    Adapting,
    ByValue,
    ForwardHook,
    Item,
    Logging,
    Masked,
    Measured,
    Metric,
    Norm,
    Numpy,
    Recurrent,
    Remembering,
    Timed,
]


@pytest.mark.parametrize("net", MODULES, ids=lambda net: net.__name__)
def test_modules(tmp_path: Path, net: Any) -> None:
    stop = lambda report: report.trial == 0 and report.step == 1  # noqa: E731
    given = task(net)
    mine = lean(given, trials(KINDS[1:5:2]), tmp_path, stop=stop)
    assert_same(mine, each(given, trials(KINDS[1:5:2]), tmp_path, stop=stop), tolerance=1e-12)


def test_every_kind_gives_the_same_bits(tmp_path: Path) -> None:
    mine, alone = lean(task(), trials(), tmp_path), each(task(), trials(), tmp_path)
    for number in alone.outcomes:
        for name, weights in alone.weights(number).items():
            assert torch.equal(mine.weights(number)[name], weights)


@pytest.mark.parametrize(
    "trainer",
    [{"gradient_clip_val": 0.05}, {"limit_train_batches": 2, "check_val_every_n_epoch": 2}],
    ids=str,
)
def test_arguments_of_the_trainer(tmp_path: Path, trainer: Any) -> None:
    given = task(trainer=trainer)
    mine, alone = lean(given, trials(), tmp_path), each(given, trials(), tmp_path)
    assert_same(mine, alone, tolerance=1e-12)


def test_what_the_trainer_would_do_besides_is_refused(tmp_path: Path) -> None:
    given = task(trainer={"accumulate_grad_batches": 2})
    (outcome,) = lean(given, trials(KINDS[:1]), tmp_path).outcomes.values()
    assert "Task.trainer has accumulate_grad_batches=2" in outcome.reason


class Broken(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        raise OSError("the disk is gone")


def test_a_step_that_raises_fails_its_trial_and_the_stream_goes_on(tmp_path: Path) -> None:
    given = task(module=lambda params: Broken() if params["penalty"] == "l1" else Net())
    run = lean(given, trials(KINDS[:3]), tmp_path)
    assert [run.outcomes[i].state for i in range(3)] == ["complete", "failed", "complete"]
    assert run.outcomes[1].reason == "OSError: the disk is gone"
