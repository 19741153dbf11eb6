"""Real training: a study over a tiny linear model, and the weights it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from regsearch.engines.inline import InlineEngine
from regsearch.figures.rows import trials_table
from regsearch.penalties import NoPenalty
from regsearch.search.records import Record
from regsearch.search.result import StudyResult
from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.search.weights import MissingWeightsWarning
from regsearch.tracking.memory import MemoryTracker
from regsearch.training.task import Task
from regsearch.trials import OnReport, Outcome, Train, Trial
from tests.search.toys import CLOCK, go, study, trained


class Linear(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(20, 1, bias=False)

    def training_step(self, batch: list[Tensor]) -> Tensor:
        return nn.functional.mse_loss(self.layer(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor]) -> None:
        self.log("val_loss", nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05)


def module(params: Mapping[str, Any]) -> Linear:
    return Linear()


def data() -> tuple[DataLoader[Any], DataLoader[Any]]:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(48, 20, generator=random)
    y = x[:, :1] - 2 * x[:, 1:2] + 0.3 * torch.randn(48, 1, generator=random)
    train, validation = TensorDataset(x[:24], y[:24]), TensorDataset(x[24:], y[24:])
    return DataLoader(train, batch_size=24), DataLoader(validation, batch_size=24)


TASK = Task(module, data, max_epochs=15)
REAL = Study("real", TASK, Space(lam=(1e-3, 1.0)), 8, storage="sqlite:///real.db")


def run(asked: Study) -> StudyResult:
    return asked.run(engine=InlineEngine(), tracker=MemoryTracker(), progress=False)


@pytest.mark.slow  # trains networks
def test_best_module_has_the_best_weights_and_no_others_are_kept(tmp_path: Path) -> None:
    first = run(replace(REAL, n_trials=3))
    result = run(REAL)
    assert [p.name for p in tmp_path.glob("real.db.files/*/*.pt")] == [f"{result.best.number}.pt"]
    net = result.best_module()
    x, y = next(iter(data()[1]))
    loss = nn.functional.mse_loss(net.layer(x), y).item()
    assert loss == pytest.approx(result.best.value, rel=1e-6)
    zeros = (net.layer.weight == 0).float().mean().item()
    assert zeros == pytest.approx(result.best.metrics["sparsity/all"])
    assert len(first.trials) == 3
    again = run(replace(REAL, storage=None))
    pd.testing.assert_frame_equal(
        again.trials[:3].drop(columns=CLOCK), first.trials.drop(columns=CLOCK), check_exact=True
    )
    assert again.best_module().layer.weight.shape == (1, 20)


@pytest.mark.slow  # trains networks
def test_weights_that_are_gone_are_missed(tmp_path: Path) -> None:
    result = run(replace(REAL, n_trials=1))
    assert result.best.penalty == NoPenalty()
    for file in tmp_path.glob("real.db.files/*/*.pt"):
        file.unlink()
    missed = r"(?s)weights of trial 0 must be in .*0\.pt.*all machines must share this folder"
    with pytest.raises(FileNotFoundError, match=missed):
        result.best_module()


class Elsewhere(InlineEngine):
    """Trains where the weights are saved out of the study's sight."""

    def run(self, train: Train, trials: Iterable[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for outcome in super().run(train, trials, on_report):
            for file in Path.cwd().glob("real.db.files/*/*.pt"):
                file.unlink()
            yield outcome


@pytest.mark.slow  # trains networks
def test_weights_on_another_machine_are_warned_of_once() -> None:
    with pytest.warns(MissingWeightsWarning, match="share this folder") as caught:
        replace(REAL, n_trials=3).run(engine=Elsewhere(), tracker=MemoryTracker(), progress=False)
    assert len(caught) == 1


def test_only_the_best_weights_stay_whatever_the_order(tmp_path: Path) -> None:
    seen = []

    def saving(trial: Trial) -> Iterator[float]:
        folder = tmp_path / "study.db.files" / "1"
        seen.append(sorted(int(p.stem) for p in folder.glob("*.pt")))
        (folder / f"{trial.number}.pt").write_bytes(b"weights")
        yield [3.0, 1.0, 2.0, 0.5, 0.5, 4.0][trial.number]

    asked = study(6, storage="sqlite:///study.db", pruner=None)
    result = go(asked, trained(saving))
    assert seen == [[], [0], [1], [1], [3], [3]]
    assert [p.name for p in result.weights.iterdir() if p.is_file()] == ["3.pt"]
    for left in ("9.pt", "9.part", "3.part"):
        (result.weights / left).write_bytes(b"left by a process that died")
    go(asked)
    assert [p.name for p in result.weights.iterdir() if p.is_file()] == ["3.pt"]


def test_weights_in_memory_go_with_the_result() -> None:
    result = go(study(1, storage=None))
    folder = result.weights
    assert folder.is_dir()
    del result
    assert not folder.exists()


def entry(number: int, state: str = "complete", **metrics: float) -> Record:
    outcome = Outcome(number, "complete", 1.0)
    params = {"penalty": "l1", "lam": 0.1, "lr": 0.5}
    return Record(number, state, outcome.value, params, metrics, "", "", 0, 1.5)


def test_frame_without_trials_has_its_columns() -> None:
    frame = trials_table([], ["lr"])
    assert frame.empty
    assert list(frame.columns[:7]) == [
        "number",
        "state",
        "value",
        "penalty",
        "lam",
        "l1_ratio",
        "lr",
    ]


def test_metrics_never_take_another_columns_place() -> None:
    frame = trials_table([entry(0, lr=9.0, value=8.0, val_acc=0.5), entry(1)], ["lr"])
    assert frame.loc[0, ["lr", "value", "metric/lr", "metric/value"]].tolist() == [0.5, 1, 9, 8]
    assert frame["val_acc"].isna().tolist() == [False, True]


def test_everything_failed_is_a_table_too() -> None:
    def fails_once(trial: Trial) -> Iterator[float]:
        raise RuntimeError("no")

    asked = study(3, storage="sqlite:///study.db")
    with pytest.raises(RuntimeError, match="5 trials in a row"):
        go(asked, trained(fails_once))
    stored = optuna.load_study(study_name=asked.name, storage="sqlite:///study.db")
    result = StudyResult(asked.task, asked.space, stored, None, "", Path())
    assert set(result.trials["state"]) == {"failed"}
    assert result.best_of_each_kind.empty
    with pytest.raises(ValueError, match="5 failed"):
        _ = result.best
