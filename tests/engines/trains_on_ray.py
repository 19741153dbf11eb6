"""Train functions that say, or do something to, the process that Ray runs them in.

They stand apart from the tests, so that a worker need not import what those import.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import ray

from regsearch.trials import OnReport, Outcome, Report, Trial


def train_slowly(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    """Gives time to do something to its process, which it names."""
    node = int(ray.get_runtime_context().get_node_id()[:8], 16)
    metrics = {"process": float(os.getpid()), "node": float(node)}
    for trial in trials:
        for step in range(10):
            on_report(Report(trial.number, step, metrics))
            time.sleep(0.05)
        yield Outcome(trial.number, "complete", 0.0, metrics)


def train_describing_its_process(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "RANK", "LOCAL_RANK", "WORLD_SIZE")
    description = {
        name: os.environ.get(name) for name in (*names, "MASTER_ADDR", "MASTER_PORT")
    } | {
        "folder": os.getcwd(),
        "path": sys.path,
        "node": ray.get_runtime_context().get_node_id(),
        "ignores_ctrl_c": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "imported": [name for name in ("mlflow", "optuna", "torch") if name in sys.modules],
    }
    text = json.dumps(description)
    for trial in trials:
        Path(f"rank{os.environ.get('RANK')}").write_text(text)
        while "RANK" in os.environ and not Path("rank1").exists():
            time.sleep(0.01)
        yield Outcome(trial.number, "complete", 0.0, {}, text)


def train_losing_a_rank_of_trial_0(
    trials: Iterator[Trial], on_report: OnReport
) -> Iterator[Outcome]:
    for trial in trials:
        if trial.number == 0 and os.environ["RANK"] == "1":
            os._exit(1)
        if trial.number == 0:
            time.sleep(600)  # as in a collective
        yield Outcome(trial.number, "complete", 0.0)


def train_summing_over_ranks(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
    import torch

    torch.distributed.init_process_group("gloo")
    for trial in trials:
        number = torch.tensor(torch.distributed.get_rank() + 1.0)
        torch.distributed.all_reduce(number)
        yield Outcome(trial.number, "complete", number.item())


class TrainThatIsGone:
    """Cannot be loaded where it arrives."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        return iter(())

    def __reduce__(self) -> tuple[object, ...]:
        return _import, ("gone",)


def _import(name: str) -> object:
    return __import__(name)
