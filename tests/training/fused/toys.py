"""Tiny modules for fused trials, and what the same trials give one after another."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from regsearch import Outcome, Report, Task, Trial
from regsearch.engines.inline import InlineEngine
from regsearch.training.each import train_each
from regsearch.training.fused.train import train_fused, train_lean

KINDS = [
    {"penalty": "none", "lam": 0.0},
    {"penalty": "l1", "lam": 0.02},
    {"penalty": "l2", "lam": 0.05},
    {"penalty": "elastic_net", "lam": 0.02, "l1_ratio": 0.5},
    {"penalty": "group_lasso", "lam": 0.01},
    {"penalty": "sparse_group_lasso", "lam": 0.01, "l1_ratio": 0.5},
    {"penalty": "weight_decay", "lam": 0.1},
]

Stop = Callable[[Report], bool]


class Net(pytorch_lightning.LightningModule):
    """A regression on six features; subclasses change its body, its steps or its optimizer."""

    def __init__(self, lr: float = 0.02) -> None:
        super().__init__()
        self.lr = lr
        self.body = self.make_body()
        self.head = nn.Linear(5, 1)
        self.double()

    def make_body(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 5), nn.Tanh())

    def loss(self, batch: Any) -> Tensor:
        x, y = (tensor.to(self.head.weight.dtype) for tensor in batch)
        return nn.functional.mse_loss(self.head(self.body(x)), y)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


@functools.cache
def samples(count: int, seed: int = 3) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 6, generator=generator, dtype=torch.float64)
    target = x[:, :1] - x[:, 1:2].sin() + 0.1 * torch.randn(count, 1, generator=generator).double()
    return TensorDataset(x, target)


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(samples(22), 8, shuffle=True), DataLoader(samples(11, seed=4), 8)


def task(net: Callable[..., Any] = Net, **changes: Any) -> Task:
    """Returns a task whose module takes `lr` of a trial's params, if there is one."""

    def module(params: Mapping[str, Any]) -> Any:
        return net(params["lr"]) if "lr" in params else net()

    return Task(**{"module": module, "data": loaders, "max_epochs": 4} | changes)


def plain_module(params: Mapping[str, Any]) -> Net:
    """Makes the same network for every trial; at the top level, so that it pickles."""
    return Net()


def trials(params: Iterable[Mapping[str, Any]] = KINDS, seed: int = 7) -> list[Trial]:
    return [Trial(number, mine, seed) for number, mine in enumerate(params)]


class Run:
    """What a train function made of trials: outcomes and reports by trial, and a folder."""

    def __init__(
        self, train: Any, task: Task, given: list[Trial], folder: Path, stop: Stop
    ) -> None:
        self.reports: dict[int, list[Report]] = {trial.number: [] for trial in given}
        self.order: list[int] = []
        self.folder = folder

        def on_report(report: Report) -> bool:
            self.reports[report.trial].append(report)
            return stop(report)

        self.outcomes: dict[int, Outcome] = {}
        function = functools.partial(train, task, folder)
        for outcome in InlineEngine().run(function, iter(given), on_report):
            assert outcome.number not in self.outcomes
            self.outcomes[outcome.number] = outcome
            self.order.append(outcome.number)

    def weights(self, number: int) -> dict[str, Tensor]:
        path = self.folder / f"{number}.pt"
        found: dict[str, Tensor] = torch.load(path, weights_only=True)
        return found


def never(report: Report) -> bool:
    return False


def fused(
    task: Task, given: list[Trial], folder: Path, *, width: int = 4, stop: Stop = never
) -> Run:
    return Run(functools.partial(train_fused, width=width), task, given, folder / "fused", stop)


def lean(task: Task, given: list[Trial], folder: Path, *, stop: Stop = never) -> Run:
    return Run(train_lean, task, given, folder / "lean", stop)


def each(task: Task, given: list[Trial], folder: Path, *, stop: Stop = never) -> Run:
    return Run(train_each, task, given, folder / "each", stop)


def assert_same(some: Run, others: Run, tolerance: float = 1e-8) -> None:
    """Fails unless two runs agree in all that they said, numbers within a tolerance."""
    for number, expected in others.outcomes.items():
        found = some.outcomes[number]
        assert (found.state, found.reason) == (expected.state, expected.reason), found.error
        _assert_close(found.metrics, expected.metrics, tolerance)
        reports = zip(some.reports[number], others.reports[number], strict=True)
        for mine, theirs in reports:
            assert (mine.trial, mine.step) == (theirs.trial, theirs.step)
            assert mine.histograms.keys() == theirs.histograms.keys()
            _assert_close(mine.metrics, theirs.metrics, tolerance)


def _assert_close(
    found: Mapping[str, float], expected: Mapping[str, float], tolerance: float
) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        is_close = math.isclose(found[name], value, rel_tol=tolerance, abs_tol=tolerance)
        assert is_close or (math.isnan(found[name]) and math.isnan(value)), (
            f"{name}: {found[name]} is not {value}"
        )


def agree(folder: Path, given: Task, *, width: int = 4, stop: Stop = never) -> None:
    """Fails unless three kinds of trials are the same fused as they are alone."""
    mine = fused(given, trials(KINDS[1:6:2]), folder, width=width, stop=stop)
    alone = each(given, trials(KINDS[1:6:2]), folder, stop=stop)
    assert {outcome.state for outcome in alone.outcomes.values()} <= {"complete", "pruned"}
    assert_same(mine, alone)


def stop_early(report: Report) -> bool:
    """Stops the first trial after its second epoch, so that another one enters."""
    return report.trial == 0 and report.step == 1
