"""A worker process can do what any process can: load data in others, for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from regsearch.engines.processes import ProcessEngine
from regsearch.testing.train_functions import finite, go_on
from regsearch.trials import OnReport, Outcome, Trial


@dataclass(frozen=True)
class TrainLoadingData:
    """Loads its data in processes of its own."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            loader = DataLoader(TensorDataset(torch.arange(8.0)), batch_size=4, num_workers=1)
            value = sum(float(batch.sum()) for (batch,) in loader)
            yield Outcome(trial.number, "complete", value)


@pytest.mark.slow
def test_workers_may_load_data_in_processes_of_their_own() -> None:
    """Slow: torch has to be imported."""
    outcomes = list(ProcessEngine(["cpu", "cpu"]).run(TrainLoadingData(), finite(3), go_on))
    assert [outcome.value for outcome in outcomes] == [28.0] * 3
