"""Penalties: what is added to a loss so that weights stay small, or become exactly zero.

A penalty is an immutable value that knows one tensor's arithmetic. Which parameters it falls on is
a selector's business (`regsearch.selection`), when it is applied is the callback's
(`regsearch.callback`). `L1(1e-3)` on a linear layer is a Lasso, `GroupLasso(1e-3)` switches off
whole neurons.

Strengths are in the sum convention of Keras and the textbooks: loss = mean data loss + penalty. A
strength may also be a tensor of shape (K, 1, ..., 1): then the weight is a stack of K weights along
its first dimension, each with its own strength, and `dim` of a group penalty counts the dimensions
of one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from regsearch.groups import Groups, groups_along, shrink_groups
from regsearch.strengths import Strength, check_ratio, check_strength, like


class Penalty(Protocol):
    """A penalty on one tensor `w` of any shape, split into a smooth and a kinked part."""

    def value(self, w: Tensor) -> Tensor:
        """Returns the whole penalty, a scalar."""
        ...

    def grad(self, w: Tensor) -> Tensor:
        """Returns the gradient of the smooth part, shaped like `w`."""
        ...

    def subgrad(self, w: Tensor) -> Tensor:
        """Returns a subgradient of the whole penalty, 0 at the kinks, shaped like `w`."""
        ...

    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        """Returns argmin_u kinked(u) + Σ (u - w)²/(2·step), with exact zeros.

        Args:
            w: Any shape.
            step: A positive number, or a tensor that broadcasts to `w`: a step per coordinate.
        """
        ...


class _WithoutSmoothPart:
    def grad(self, w: Tensor) -> Tensor:
        return torch.zeros_like(w)


class _WithoutKinks:
    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        return w.clone()


class _WithoutTerm(_WithoutSmoothPart, _WithoutKinks):
    def value(self, w: Tensor) -> Tensor:
        return w.new_zeros(())

    def subgrad(self, w: Tensor) -> Tensor:
        return torch.zeros_like(w)


@dataclass(frozen=True)
class NoPenalty(_WithoutTerm):
    """Nothing is added: the baseline of a study."""


@dataclass(frozen=True)
class L1(_WithoutSmoothPart):
    """lam·Σ|w| (Tibshirani 1996, the Lasso). Its prox is soft-thresholding.

    Args:
        lam: Strength, at least 0.

    >>> L1(0.5).prox(torch.tensor([2.0, -0.3]), step=1.0)
    tensor([1.5000, 0.0000])
    """

    lam: Strength

    def __post_init__(self) -> None:
        check_strength("lam", self.lam)

    def value(self, w: Tensor) -> Tensor:
        return (like(self.lam, w) * w.abs()).sum()

    def subgrad(self, w: Tensor) -> Tensor:
        return like(self.lam, w) * w.sign()

    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        return soft_threshold(w, like(self.lam, w) * like(step, w))


@dataclass(frozen=True)
class L2(_WithoutKinks):
    """lam·Σw² (ridge). Gradient 2·lam·w: torch's `weight_decay` of SGD and Adam is 2·lam.

    Args:
        lam: Strength, at least 0.
    """

    lam: Strength

    def __post_init__(self) -> None:
        check_strength("lam", self.lam)

    def value(self, w: Tensor) -> Tensor:
        return (like(self.lam, w) * w.square()).sum()

    def grad(self, w: Tensor) -> Tensor:
        return 2 * like(self.lam, w) * w

    def subgrad(self, w: Tensor) -> Tensor:
        return self.grad(w)


@dataclass(frozen=True)
class ElasticNet:
    """lam·(l1_ratio·Σ|w| + (1 - l1_ratio)·Σw²) (Zou and Hastie 2005).

    Args:
        lam: Strength, at least 0.
        l1_ratio: Share of the L1 part, from 0 (L2) to 1 (L1).
    """

    lam: Strength
    l1_ratio: Strength

    def __post_init__(self) -> None:
        check_strength("lam", self.lam)
        check_ratio(self.l1_ratio)

    @property
    def parts(self) -> tuple[L1, L2]:
        """The same penalty as a sum of an L1 and an L2."""
        return L1(self.lam * self.l1_ratio), L2(self.lam * (1 - self.l1_ratio))

    def value(self, w: Tensor) -> Tensor:
        l1, l2 = self.parts
        return l1.value(w) + l2.value(w)

    def grad(self, w: Tensor) -> Tensor:
        return self.parts[1].grad(w)

    def subgrad(self, w: Tensor) -> Tensor:
        l1, l2 = self.parts
        return l1.subgrad(w) + l2.subgrad(w)

    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        return self.parts[0].prox(w, step)


@dataclass(frozen=True)
class GroupLasso(_WithoutSmoothPart):
    """lam·Σ_g √|g|·‖w_g‖₂ (Yuan and Lin 2006): whole slices of a weight become zero.

    Args:
        lam: Strength, at least 0.
        dim: Groups are the slices along this dimension: 0, output neurons; 1, inputs.
    """

    lam: Strength
    dim: int = 0

    def __post_init__(self) -> None:
        check_strength("lam", self.lam)

    def value(self, w: Tensor) -> Tensor:
        groups, weight = self._groups(w)
        return (weight * groups.norm(w)).sum()

    def subgrad(self, w: Tensor) -> Tensor:
        groups, weight = self._groups(w)
        norm = groups.norm(w)
        return weight * torch.where(norm == 0, torch.zeros_like(w), w / norm)

    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        groups, weight = self._groups(w)
        return shrink_groups(w, weight * like(step, w), groups)

    def _groups(self, w: Tensor) -> tuple[Groups, Strength]:
        groups = groups_along(
            w, self.dim, stacked=isinstance(self.lam, Tensor) and self.lam.ndim > 0
        )
        return groups, like(self.lam, w) * math.sqrt(groups.size)


@dataclass(frozen=True)
class SparseGroupLasso(_WithoutSmoothPart):
    """lam·(l1_ratio·Σ|w| + (1 - l1_ratio)·Σ_g √|g|·‖w_g‖₂) (Simon et al. 2013).

    Args:
        lam: Strength, at least 0.
        l1_ratio: Share of the L1 part, from 0 (group Lasso) to 1 (L1).
        dim: Groups are the slices along this dimension: 0, output neurons; 1, inputs.
    """

    lam: Strength
    l1_ratio: Strength
    dim: int = 0

    def __post_init__(self) -> None:
        check_strength("lam", self.lam)
        check_ratio(self.l1_ratio)

    @property
    def parts(self) -> tuple[L1, GroupLasso]:
        """The same penalty as a sum of an L1 and a group Lasso."""
        return L1(self.lam * self.l1_ratio), GroupLasso(self.lam * (1 - self.l1_ratio), self.dim)

    def value(self, w: Tensor) -> Tensor:
        l1, group = self.parts
        return l1.value(w) + group.value(w)

    def subgrad(self, w: Tensor) -> Tensor:
        l1, group = self.parts
        return l1.subgrad(w) + group.subgrad(w)

    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        l1, group = self.parts
        return group.prox(l1.prox(w, step), step)


@dataclass(frozen=True)
class WeightDecay(_WithoutTerm):
    """Decoupled weight decay (Loshchilov and Hutter 2019): w *= 1 - lr·rate before each step.

    It is no term of the loss: its value and gradients are 0; the regularizer shrinks the weights.

    Args:
        rate: Decay per unit of learning rate, at least 0; AdamW's `weight_decay`.
    """

    rate: Strength

    def __post_init__(self) -> None:
        check_strength("rate", self.rate)

    def shrink(self, w: Tensor, lr: float) -> Tensor:
        """Returns the weights after one step's decay, before the optimizer's own step."""
        return w * (1 - lr * like(self.rate, w))


def soft_threshold(w: Tensor, threshold: float | Tensor) -> Tensor:
    """sign(w)·max(|w| - threshold, 0), shaped like `w`; weights within the threshold become 0.0."""
    if isinstance(threshold, Tensor):
        return w - torch.clamp(w, -threshold, threshold)
    return w - w.clamp(-threshold, threshold)


KINDS: dict[str, Callable[[float, float], Penalty]] = {
    "none": lambda lam, l1_ratio: NoPenalty(),
    "l1": lambda lam, l1_ratio: L1(lam),
    "l2": lambda lam, l1_ratio: L2(lam),
    "elastic_net": ElasticNet,
    "group_lasso": lambda lam, l1_ratio: GroupLasso(lam),
    "sparse_group_lasso": SparseGroupLasso,
    "weight_decay": lambda lam, l1_ratio: WeightDecay(lam),
}
"""Every kind a study can search over: (lam, l1_ratio) -> penalty."""

RATIO_KINDS = frozenset({"elastic_net", "sparse_group_lasso"})
"""The kinds that read l1_ratio."""


def from_params(params: Mapping[str, Any]) -> Penalty:
    """Builds the penalty that a trial's params name.

    Args:
        params: `penalty` (a key of `KINDS`), `lam`, and `l1_ratio` for the kinds that have one;
            other entries are ignored.

    Raises:
        ValueError: If the kind is unknown or a needed entry is missing.

    >>> from_params({"penalty": "l1", "lam": 0.01, "lr": 0.1})
    L1(lam=0.01)
    """
    kind = params.get("penalty")
    if kind not in KINDS:
        raise ValueError(f"penalty must be one of {', '.join(KINDS)}, but got {kind!r}.")
    needed = {"lam"} if kind not in RATIO_KINDS else {"lam", "l1_ratio"}
    if missing := sorted(needed - params.keys() - {"lam" if kind == "none" else ""}):
        raise ValueError(f"penalty {kind!r} needs {', '.join(missing)}, but got {dict(params)!r}.")
    return KINDS[kind](params.get("lam", 0.0), params.get("l1_ratio", 1.0))
