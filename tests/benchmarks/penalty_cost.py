"""What a penalty costs beside the naive one, `lam * sum(p.abs().sum())` in the loss.

Each way is a forward and a backward pass of a perceptron, with something added; what it costs is
its median less that of the bare pass. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.penalty_cost
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from regsearch.multi_tensor import add_gradient_, add_subgradient_, prox_, total_value
from regsearch.penalties import L1, L2, GroupLasso
from regsearch.stepsizes import Step
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
    ws = list(net.parameters())
    inputs = torch.randn(BATCH, shapes[0][0])
    moments = [torch.rand_like(w) for w in ws]
    adam: list[float | Step] = [Step(1e-3, v, True, 1.0, 1e-8) for v in moments]
    sgd: list[float | Step] = [1e-3] * len(ws)

    def bare() -> list[Tensor]:
        net.zero_grad()
        net(inputs).square().mean().backward()
        return [w.grad for w in ws if w.grad is not None]

    def naive() -> None:
        net.zero_grad()
        (net(inputs).square().mean() + LAM * sum(p.abs().sum() for p in ws)).backward()

    def logged() -> None:
        bare()
        with torch.no_grad():
            total_value(L1(LAM), ws)

    return {
        "bare": bare,
        "naive": naive,
        "gradient, L2": lambda: add_gradient_(L2(LAM), ws, bare()),
        "subgradient, L1": lambda: add_subgradient_(L1(LAM), ws, bare()),
        "prox L1, SGD": lambda: (bare(), prox_(L1(LAM), ws, sgd)),
        "prox L1, Adam": lambda: (bare(), prox_(L1(LAM), ws, adam)),
        "prox group, Adam": lambda: (bare(), prox_(GroupLasso(LAM), ws, adam)),
        "value": logged,
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
