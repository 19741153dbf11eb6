"""A search without networks: losses that are known functions of kind and strength."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import optuna

from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.tracking.memory import MemoryTracker
from regsearch.trials import OnReport, Outcome, Report, Train, Trial
from tests.search.tasks import EPOCHS, TASK

DB = "sqlite:///study.db"
OFFSETS = {"none": 0.5, "l1": 0.3, "l2": 0.35, "elastic_net": 0.25}
CLOCK = ["seconds", "started"]  # the columns of a table that no seed decides


def loss(params: Mapping[str, Any]) -> float:
    distance = math.log10(params["lam"]) + 3 if params["lam"] else 0.0
    return OFFSETS[params["penalty"]] + 0.05 * distance**2


def curve(trial: Trial) -> Iterator[float]:
    return (loss(trial.params) + 1 / (epoch + 1) for epoch in range(EPOCHS))


def trained(values: Callable[[Trial], Iterator[float]] = curve) -> Train:
    """Returns a train function that reports these values, and obeys the answer."""

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            yield _follow(trial, values(trial), on_report)

    return train


def _follow(trial: Trial, values: Iterator[float], on_report: OnReport) -> Outcome:
    metrics: dict[str, float] = {}
    for step, value in enumerate(values):
        metrics = {"val_loss": value, "val_acc": 1 - value / 2, "sparsity/all": 0.25}
        if on_report(Report(trial.number, step, metrics)):
            return Outcome(trial.number, "pruned", value, metrics)
    return Outcome(trial.number, "complete", metrics.get("val_loss"), metrics)


def study(n_trials: int = 6, *, name: str = "toy", **others: Any) -> Study:
    space = others.pop("space", Space())
    return Study(name, others.pop("task", TASK), space, n_trials, **others)


def go(asked: Study, train: Train | None = None, tracker: Any = None) -> Any:
    listener = MemoryTracker() if tracker is None else tracker
    return asked.run(train=train or trained(), tracker=listener, progress=False)


def stored(name: str = "toy") -> optuna.Study:
    """Returns a study as Optuna alone reads it."""
    return optuna.load_study(study_name=name, storage=DB)


def states(name: str = "toy") -> list[str]:
    return [trial.state.name for trial in stored(name).trials]
