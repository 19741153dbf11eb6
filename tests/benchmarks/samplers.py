"""Which sampler finds a good penalty for the digits in the fewest trials? Behind `sampler="auto"`.

The digits network is trained by a bare loop (the penalty is what counts here, not the Trainer), and
every sampler searches the same space with several seeds. What is shown is the best validation loss
after so many trials, as a median over seeds; 0 is the best that any search found. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.samplers
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import cache
from typing import Any

import optuna
import torch
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from regsearch.applied import Applied
from regsearch.penalties import Penalty
from regsearch.regularizer import Regularizer
from regsearch.search.joint import JointSampler
from regsearch.search.space import Space
from tests.benchmarks.interleaved import machine

EPOCHS, SEEDS, SHOWN = 6, 5, (8, 16, 32)
SPACES = {
    "one kind (l1)": Space(("l1",), baseline=False),
    "one kind with a ratio (elastic_net)": Space(("elastic_net",), baseline=False),
    "three kinds (l1, l2, elastic_net)": Space(baseline=False),
}
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: RandomSampler(seed),
    "quasi-random": lambda seed: QMCSampler(seed=seed, scramble=True),
    "TPE": lambda seed: TPESampler(seed=seed, n_startup_trials=8),
    "GP": lambda seed: GPSampler(seed=seed, n_startup_trials=8),
}


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.5, random_state=0, stratify=labels)
    x, v, y, w = (torch.from_numpy(part) for part in parts)
    return x.float(), v.float(), y, w


def validation_loss(penalty: Penalty) -> float:
    x, x_val, y, y_val = digits()
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    applied = Applied(net, [Regularizer(penalty)], [optimizer])
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            cross_entropy(net(x[batch]), y[batch]).backward()
            applied.before_step(optimizer)
            optimizer.step()
            applied.after_step(optimizer)
    with torch.no_grad():
        return float(cross_entropy(net(x_val), y_val))


def best_after(space: Space, sampler: BaseSampler) -> list[float]:
    joint = JointSampler(sampler, space) if len(space.kinds) > 1 else sampler
    search = optuna.create_study(sampler=joint, pruner=NopPruner())

    def objective(trial: optuna.Trial) -> float:
        return validation_loss(space.penalty(space.suggest(trial)))

    search.optimize(objective, n_trials=max(SHOWN))
    values = [trial.values[0] for trial in search.trials]
    return [min(values[:count]) for count in SHOWN]


def main() -> None:
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(machine())
    for name, space in SPACES.items():
        curves: dict[str, list[list[float]]] = {
            sampler: [best_after(space, make(seed)) for seed in range(SEEDS)]
            for sampler, make in SAMPLERS.items()
        }
        _print_table(name, curves)


def _print_table(name: str, curves: dict[str, list[Any]]) -> None:
    floor = min(min(curve) for runs in curves.values() for curve in runs)
    print(f"\n{name}; best found anywhere: {floor:.4f}\n")
    print("| sampler | " + " | ".join(f"after {count}" for count in SHOWN) + " |")
    print("| --- |" + " --- |" * len(SHOWN))
    for sampler, runs in curves.items():
        gaps = [statistics.median(run[i] for run in runs) - floor for i in range(len(SHOWN))]
        print(f"| {sampler} | " + " | ".join(f"+{gap:.4f}" for gap in gaps) + " |", flush=True)


if __name__ == "__main__":
    main()
