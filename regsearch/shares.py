"""Who falls on what in an optimizer, and what there is to do around its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from torch import nn
from torch.optim import Optimizer

from regsearch.multi_tensor import has_kink
from regsearch.one_pass import Parts, parts_of
from regsearch.penalties import WeightDecay
from regsearch.regularizer import Claims, Regularizer


class Share(NamedTuple):
    """The parameters of one optimizer group that one regularizer falls on."""

    regularizer: Regularizer
    group: int
    parameters: Sequence[nn.Parameter]

    def with_gradient(self) -> list[nn.Parameter]:
        """The parameters that take part in this step; the optimizer passes over the others."""
        return [parameter for parameter in self.parameters if parameter.grad is not None]


class Work(NamedTuple):
    """What there is to do around each step of one optimizer."""

    decays: Sequence[tuple[WeightDecay, Share]]
    gradients: Sequence[Share]
    kinks: Sequence[tuple[Parts | None, Share]]

    @classmethod
    def of(cls, shares: Iterable[Share]) -> Work:
        """Sorts out the shares of one optimizer."""
        decays = [(p, s) for s in shares if isinstance(p := s.regularizer.penalty, WeightDecay)]
        kinked = [s for s in shares if is_proximal(s.regularizer)]
        kinks = [(parts_of(s.regularizer.penalty), s) for s in kinked]
        return cls(decays, [s for s in shares if _has_gradient(s.regularizer)], kinks)


def shares_of(optimizer: Optimizer, claims: Claims) -> list[Share]:
    """Returns what each regularizer has in each of an optimizer's groups."""
    return [
        Share(regularizer, index, mine)
        for regularizer, parameters in claims
        for index, group in enumerate(optimizer.param_groups)
        if (mine := _common(group["params"], parameters.values()))
    ]


def is_proximal(regularizer: Regularizer) -> bool:
    """Tells whether a regularizer acts after the step."""
    return regularizer.method == "proximal" and has_kink(regularizer.penalty)


def _has_gradient(regularizer: Regularizer) -> bool:
    parts = parts_of(regularizer.penalty)
    return parts is None or parts.l2 > 0 or (regularizer.method == "subgradient" and any(parts[:3]))


def _common(some: Iterable[nn.Parameter], others: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    ids = {id(parameter) for parameter in others}
    return [parameter for parameter in some if id(parameter) in ids]
