"""The optimizers' arithmetic over a stack: compiled or not, it is torch's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from regsearch import one_pass
from regsearch.compiled import compiled
from regsearch.training.fused.rules import Rule, numbers_of, rule_of
from tests.training.fused.toys import assert_same, each, fused, task, trials

K, N, STEPS = 3, 50, 5
MAKERS = [
    lambda p: SGD(p, 0.1, weight_decay=0.1),
    lambda p: SGD(p, 0.1, momentum=0.8, dampening=0.3),
    lambda p: SGD(p, 0.1, momentum=0.8, nesterov=True),
    lambda p: Adam(p, 0.1, betas=(0.7, 0.9), eps=1e-3, weight_decay=0.1),
    lambda p: AdamW(p, 0.1, weight_decay=0.1),
    lambda p: RMSprop(p, 0.1, alpha=0.7, eps=1e-3, momentum=0.4, weight_decay=0.1),
]


def rule_for(optimizer: Optimizer) -> Rule:
    rule = rule_of(optimizer)
    assert rule is not None
    return rule


def stepped(make: Any, dtype: torch.dtype, *, is_compiled: bool) -> torch.Tensor:
    """Returns the weights after some steps of the rule, with a penalty on the second trial."""
    optimizer = make([torch.nn.Parameter(torch.zeros(1))])
    rule = rule_for(optimizer)
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(K, N, generator=generator, dtype=dtype)
    states = [torch.zeros_like(w) for _ in rule.states]
    numbers = {k: np.full(K, v) for k, v in numbers_of(rule, optimizer.param_groups[0]).items()}
    numbers |= {"l1": np.array([0, 0.1, 0]), "l2": np.array([0, 0.2, 0]), "rate": np.zeros(K)}
    for step in range(1, STEPS + 1):
        grad = torch.randn(K, N, generator=generator, dtype=dtype)
        coefficients = rule.coefficients(numbers, np.full(K, float(step)))
        if is_compiled:
            arrays = [tensor.numpy() for tensor in (w, grad, *states)]
            compiled(rule.loop)(*arrays, coefficients.astype(arrays[0].dtype))
        else:
            columns = [torch.from_numpy(c.copy()).to(w)[:, None] for c in coefficients.T]
            rule.eager(w, grad, states, columns)
    return w


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_compiled_and_eager_steps_agree(make: Any, dtype: torch.dtype, tolerance: float) -> None:
    fast, plain = (stepped(make, dtype, is_compiled=flag) for flag in (True, False))
    torch.testing.assert_close(fast, plain, rtol=tolerance, atol=tolerance)
    assert (fast[1] == 0).equal(plain[1] == 0)


@pytest.mark.parametrize("make", MAKERS)
def test_without_a_penalty_it_is_torchs_own_step(make: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(K, N, generator=generator, dtype=torch.float64))
    optimizer = make([parameter])
    for _ in range(STEPS):
        parameter.grad = torch.randn(K, N, generator=generator, dtype=torch.float64)
        optimizer.step()
    found = stepped(make, torch.float64, is_compiled=False)
    torch.testing.assert_close(found[::2], parameter.detach()[::2], rtol=1e-12, atol=1e-12)


def test_a_stack_without_compiled_loops_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, or where Numba is not installed."""
    monkeypatch.setattr(one_pass, "is_installed", lambda: False)
    given = task(max_epochs=10)
    assert_same(fused(given, trials(), tmp_path), each(given, trials(), tmp_path))


@pytest.mark.parametrize(
    "optimizer",
    [
        Adam([torch.zeros(1)], amsgrad=True),
        RMSprop([torch.zeros(1)], centered=True),
        SGD([torch.zeros(1)], 0.1, maximize=True),
        torch.optim.NAdam([torch.zeros(1)]),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_other_arithmetic_has_no_rule(optimizer: Optimizer) -> None:
    assert rule_of(optimizer) is None


def test_a_subclass_may_do_anything_so_it_has_no_rule() -> None:
    class Own(Adam):
        pass

    assert rule_of(Own([torch.zeros(1)])) is None
