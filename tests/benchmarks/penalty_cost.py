"""What a penalty costs beside the naive one, `lam * sum(p.abs().sum())` in the loss.

Each way is a forward and a backward pass of a perceptron, with penalties applied as training does
it; what that costs is its median less that of the bare pass. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.penalty_cost
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer

from regsearch.applied import Applied
from regsearch.penalties import L1, L2, GroupLasso
from regsearch.regularizer import Regularizer
from tests.benchmarks.interleaved import machine, medians

SIZES = {
    "1e6 in 2": [(1000, 500), (500, 1000)],
    "1e6 in 200": [(71, 71)] * 200,
    "1e7 in 2": [(2236, 2236)] * 2,
    "1e7 in 200": [(224, 224)] * 200,
}
LAM, ROUNDS, BATCH = 1e-6, 25, 8


def ways(shapes: list[tuple[int, int]]) -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Linear(i, o, bias=False) for i, o in shapes))
    inputs = torch.randn(BATCH, shapes[0][0])

    def bare() -> None:
        net.zero_grad()
        net(inputs).square().mean().backward()

    def naive() -> None:
        net.zero_grad()
        penalty = LAM * sum(p.abs().sum() for p in net.parameters())
        (net(inputs).square().mean() + penalty).backward()

    bare()
    sgd, adam = SGD(net.parameters(), 1e-3), Adam(net.parameters(), 1e-3)
    adam.step()  # its state is what the prox reads

    def applied(regularizer: Regularizer, optimizer: Optimizer) -> Callable[[], None]:
        penalties = Applied(net, [regularizer], [optimizer])

        def step() -> None:
            bare()
            penalties.before_step(optimizer)
            penalties.after_step(optimizer)

        return step

    def logged() -> Callable[[], None]:
        penalties = Applied(net, [Regularizer(L1(LAM))], [adam])
        return lambda: (bare(), penalties.value())[0]

    return {
        "bare": bare,
        "naive": naive,
        "gradient, L2": applied(Regularizer(L2(LAM)), sgd),
        "subgradient, L1": applied(Regularizer(L1(LAM), method="subgradient"), sgd),
        "prox L1, SGD": applied(Regularizer(L1(LAM)), sgd),
        "prox L1, Adam": applied(Regularizer(L1(LAM)), adam),
        "prox group, Adam": applied(Regularizer(GroupLasso(LAM)), adam),
        "value": logged(),
    }


def main() -> None:
    torch.set_num_threads(1)
    print(machine())
    print("| parameters | naive, ms | " + " | ".join(list(ways([(2, 2)]))[2:]) + " |")
    for name, shapes in SIZES.items():
        found = medians(ways(shapes), ROUNDS)
        naive = found["naive"] - found["bare"]
        shares = [f"{(found[way] - found['bare']) / naive:.2f}" for way in list(found)[2:]]
        print(f"| {name} | {naive * 1e3:.1f} | " + " | ".join(shares) + " |", flush=True)


if __name__ == "__main__":
    main()
