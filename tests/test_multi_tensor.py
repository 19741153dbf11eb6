"""The fast way over whole lists does what the penalties' own methods do, tensor by tensor."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regsearch.multi_tensor import (
    add_gradient_,
    add_subgradient_,
    decay_,
    has_kink,
    prox_,
    total_value,
)
from regsearch.penalties import (
    L1,
    L2,
    ElasticNet,
    GroupLasso,
    NoPenalty,
    Penalty,
    SparseGroupLasso,
    WeightDecay,
)
from regsearch.pieces import CHUNK
from regsearch.stepsizes import Step

PENALTIES = [
    NoPenalty(),
    L1(0.1),
    L2(0.1),
    ElasticNet(0.2, 0.3),
    ElasticNet(0.2, 1),
    L1(torch.tensor(0.1)),
    GroupLasso(0.1),
    SparseGroupLasso(0.2, 0.3, dim=1),
    WeightDecay(0.1),
]


def tensors(seed: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Small ones, one over several chunks, one that is not contiguous."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(3, 4), (5, 1), (7, CHUNK // 4)]
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    strided = torch.randn((6, 8), generator=generator, dtype=torch.float64).t()
    return [w.to(dtype) for w in [*made, strided]]


def steps(kind: str, weights: list[Tensor]) -> list[float | Step]:
    if kind == "number":
        return [0.3] * len(weights)
    moments = [w.square() + 1e-3 for w in weights]
    return [Step(0.3, moment, kind == "root", 1.1, 1e-8) for moment in moments]


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_value(penalty: Penalty) -> None:
    weights = tensors(0)
    expected = torch.stack([penalty.value(w) for w in weights]).sum()
    torch.testing.assert_close(total_value(penalty, weights), expected)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_value_without_gradient(penalty: Penalty) -> None:
    weights = tensors(0)[:3]
    expected = torch.stack([penalty.value(w) for w in weights]).sum()
    with torch.no_grad():
        torch.testing.assert_close(total_value(penalty, weights), expected)


@pytest.mark.parametrize("penalty", [L1(0.1), L2(0.1), ElasticNet(0.1, 0.5), GroupLasso(0.1)])
def test_value_is_differentiable(penalty: Penalty) -> None:
    weights = [w.requires_grad_() for w in tensors(0)[:2]]
    grads = torch.autograd.grad(total_value(penalty, weights), weights)
    for w, g in zip(weights, grads, strict=True):
        torch.testing.assert_close(g, penalty.subgrad(w.detach()))


def test_value_at_zero_has_no_nan_gradient() -> None:
    w = torch.zeros(3, 4, requires_grad=True)
    for penalty in (L1(0.1), L2(0.1), ElasticNet(0.1, 0.5), GroupLasso(0.1)):
        (g,) = torch.autograd.grad(total_value(penalty, [w]), w)
        assert (g == 0).all()


@pytest.mark.parametrize("scale", [1.0, 512.0])
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_gradients(penalty: Penalty, scale: float) -> None:
    weights, smooth, whole = tensors(0), tensors(1), tensors(1)
    add_gradient_(penalty, weights, smooth, scale)
    add_subgradient_(penalty, weights, whole, scale)
    for w, before, g, s in zip(weights, tensors(1), smooth, whole, strict=True):
        torch.testing.assert_close(g, before + scale * penalty.grad(w))
        torch.testing.assert_close(s, before + scale * penalty.subgrad(w))


@pytest.mark.parametrize("kind", ["number", "root", "moment"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_prox(penalty: Penalty, dtype: torch.dtype, kind: str) -> None:
    weights = tensors(0, dtype)
    sizes = steps(kind, tensors(2, dtype))
    plain = [s.tensor() if isinstance(s, Step) else s for s in sizes]
    expected = [penalty.prox(w, s) for w, s in zip(weights, plain, strict=True)]
    prox_(penalty, weights, sizes)
    for w, e in zip(weights, expected, strict=True):
        torch.testing.assert_close(w, e)
        assert torch.equal(w == 0, e == 0)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_without_a_kink_the_prox_is_the_identity(penalty: Penalty) -> None:
    w = tensors(0)[0]
    assert has_kink(penalty) or torch.equal(penalty.prox(w, 0.5), w)
    assert not has_kink(penalty) or not torch.equal(penalty.prox(w, 0.5), w)


def test_tensors_of_several_types_beside_each_other() -> None:
    weights = [w.to(d) for w, d in zip(tensors(0), _TYPES, strict=True)]
    sizes: list[float | Step] = [Step(0.3, w.square() + 1e-2, True, 1.1, 1e-8) for w in weights]
    plain = [s.tensor() for s in sizes if isinstance(s, Step)]
    expected = [L1(0.1).prox(w, s) for w, s in zip(weights, plain, strict=True)]
    value = sum(float(L1(0.1).value(w)) for w in weights)
    assert float(total_value(L1(0.1), weights)) == pytest.approx(value, rel=1e-2)
    prox_(L1(0.1), weights, sizes)
    for w, e in zip(weights, expected, strict=True):
        assert w.dtype == e.dtype
        torch.testing.assert_close(w, e, atol=2e-3, rtol=2e-2)


_TYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float32]


def test_prox_works_on_parameters_in_place() -> None:
    parameter = torch.nn.Parameter(torch.tensor([[0.1, -2.0]]))
    prox_(L1(1.0), [parameter], [0.5])
    assert parameter.tolist() == [[0.0, -1.5]]
    assert parameter.grad is None


def test_no_tensors_at_all() -> None:
    for penalty in PENALTIES:
        add_gradient_(penalty, [], [])
        add_subgradient_(penalty, [], [])
        prox_(penalty, [], [])
    decay_(WeightDecay(0.1), [], 0.1)


@pytest.mark.parametrize("rate", [0.1, torch.tensor(0.1, dtype=torch.float64)])
def test_decay(rate: float | Tensor) -> None:
    weights = tensors(0)
    decay_(WeightDecay(rate), weights, 0.5)
    for w, before in zip(weights, tensors(0), strict=True):
        torch.testing.assert_close(w, before * 0.95)
