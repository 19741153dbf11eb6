"""What fusing trials saves: against one Trainer after another, and against processes.

The digits network 64-128-64-10 under Adam, batches of 64, 20 epochs, as in `studies.digits`.
Seconds are per trial; ratios are within one run, in which the ways take turns. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.fused
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regsearch import MemoryTracker, Space, Study, Task, Trial
from regsearch.training.each import train_each
from regsearch.training.fused.train import train_fused, train_lean
from studies.digits import Batch, Digits, data
from tests.benchmarks import bare
from tests.benchmarks.interleaved import run_parts

EPOCHS, ROUNDS, AUTO_TRIALS = 20, 3, 8
LONG = 256  # trials of a study that is long enough to be compiled, once
KINDS = ("none", "l1", "l2", "elastic_net")


class Naive(Digits):
    """The penalty as most people write it: in the loss, left to autograd."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        penalty = sum(parameter.abs().sum() for parameter in self.parameters())
        return super().training_step(batch, batch_idx) + 1e-4 * penalty


class Large(Digits):
    """Large enough that arithmetic is all that counts: 1.1 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)
        )


class Convolving(Digits):
    def __init__(self) -> None:
        super().__init__()
        layers = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)
        self.net = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *layers)


class Logged(Digits):
    """Logs a number of each step, taken out of torch: it cannot be fused."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("train_loss", loss.item())
        return loss


MODELS = {
    "digits": Digits,
    "1.1 million weights": Large,
    "convolution": Convolving,
    ".item()": Logged,
}


def module(net: Callable[[], Any], params: Mapping[str, Any]) -> Any:
    return net()


def task(net: Callable[[], Any] = Digits, epochs: int = EPOCHS) -> Task:
    return Task(functools.partial(module, net), data, max_epochs=epochs)


def naive() -> None:
    bare.fit(Naive, data, EPOCHS)


def train(function: Any, count: int, given: Task | None = None) -> None:
    trials = (
        Trial(number, {"penalty": KINDS[number % 4], "lam": 1e-4, "l1_ratio": 0.5}, seed=0)
        for number in range(count)
    )
    outcomes = list(function(given or task(), Path("weights"), trials, lambda report: False))
    assert [outcome.state for outcome in outcomes] == ["complete"] * count, outcomes[0].error


class Clock:
    """Wall and CPU seconds a trial, medians over rounds in which ways take turns."""

    def __init__(self, ways: Mapping[str, tuple[Callable[[], object], int]], rounds: int) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(rounds + 1):
            for name, (way, count) in ways.items():
                wall, cpu = time.perf_counter(), time.process_time()
                way()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                found[name].append((wall / count, cpu / count))
        for name, seconds in found.items():
            self.wall[name], self.cpu[name] = map(statistics.median, zip(*seconds[1:], strict=True))

    def show(self, against: str) -> None:
        print("\n| way | wall, s a trial | CPU, s a trial | wall, times as fast | CPU |")
        print("| --- | --- | --- | --- | --- |")
        for name in self.wall:
            ratios = self.wall[against] / self.wall[name], self.cpu[against] / self.cpu[name]
            print(
                f"| {name} | {self.wall[name]:.3f} | {self.cpu[name]:.3f} | "
                f"{ratios[0]:.1f} | {ratios[1]:.1f} |",
                flush=True,
            )


def ways() -> None:
    """One process: the naive Trainer, `train_each`, no Trainer, stacks."""
    fused = {
        f"fused, {width}": (
            functools.partial(train, functools.partial(train_fused, width=width), width),
            width,
        )
        for width in (8, 16, 32, 64)
    }
    compiled = functools.partial(train_fused, width=32, is_compiled=True)
    fused["fused and compiled, 32"] = functools.partial(train, compiled, LONG), LONG
    others: dict[str, tuple[Callable[[], object], int]] = {
        "Trainer, naive penalty": (naive, 1),
        "train_each": (functools.partial(train, train_each, 2), 2),
        "lean": (functools.partial(train, train_lean, 8), 8),
    }
    clock = Clock(others | fused, ROUNDS)
    clock.show("Trainer, naive penalty")
    clock.show("lean")


def _naive_for(seconds: float, done: Any) -> None:
    torch.set_num_threads(1)
    naive()
    done.wait()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        naive()
        count += 1
    with open(f"{os.getpid()}.count", "w", encoding="utf-8") as file:
        file.write(str(count / (time.perf_counter() - start)))


def processes(seconds: float = 12.0) -> None:
    """Two Trainer processes on two cores against one fused process, trials a second."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=_naive_for, args=(seconds, barrier)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    two = sum(float(path.read_text()) for path in Path().glob("*.count"))
    function = functools.partial(train_fused, width=32)
    train(function, 32)
    start = time.perf_counter()
    train(function, 64)
    one = 64 / (time.perf_counter() - start)
    print(
        f"\ntwo Trainer processes: {two:.2f} trials/s; one fused: {one:.2f}; {one / two:.1f} times"
    )


def auto() -> None:
    """Several models: `auto` against `each`, the smallest study that makes a dry run, included."""
    for name, net in MODELS.items():
        given = task(net, epochs=7)
        runs = {way: functools.partial(searched, given, way) for way in ("each", "auto")}
        clock = Clock({way: (run, AUTO_TRIALS) for way, run in runs.items()}, 2)
        ratio = clock.wall["each"] / clock.wall["auto"]
        cpu = clock.cpu["each"] / clock.cpu["auto"]
        print(f"{name}: auto is {ratio:.2f} times as fast as each (CPU {cpu:.2f})", flush=True)


def searched(given: Task, train: Any) -> None:
    study = Study("auto", given, Space(), AUTO_TRIALS, storage=None, pruner=None)
    states = study.run(train=train, tracker=MemoryTracker(), progress=False).trials["state"]
    assert set(states) == {"complete"}


PARTS = {"ways": ways, "processes": processes, "auto": auto}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run_parts(PARTS)
