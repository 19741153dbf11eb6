"""Regularizers at work: what happens to gradients and weights around an optimizer's step.

Before the step decoupled decay shrinks the weights and the smooth parts enter the gradients; after
it the kinked parts act as proximal maps with the step that this optimizer has just taken. Nothing
here knows Lightning: whoever runs the loop calls `before_step` and `after_step`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer

from regsearch.multi_tensor import (
    add_gradient_,
    add_subgradient_,
    added_up,
    decay_,
    has_kink,
    prox_,
    total_value,
)
from regsearch.one_pass import OnePass, Parts, parts_of
from regsearch.penalties import NoPenalty, Penalty, WeightDecay
from regsearch.regularizer import Regularizer, trainable_claims
from regsearch.stepsizes import check_minimizes, check_supported, step_of


class PenaltyWarning(UserWarning):
    """A penalty that will probably not do what was meant."""


class DoublePenaltyWarning(PenaltyWarning):
    """An optimizer's own weight decay falls on weights that a regularizer penalises as well."""


class Share(NamedTuple):
    """The parameters of one optimizer group that one regularizer falls on."""

    regularizer: Regularizer
    group: int
    parameters: Sequence[nn.Parameter]

    def with_gradient(self) -> list[nn.Parameter]:
        """The parameters that take part in this step; the optimizer passes over the others."""
        return [parameter for parameter in self.parameters if parameter.grad is not None]


class _Work(NamedTuple):
    """What there is to do around each step of one optimizer."""

    decays: Sequence[tuple[WeightDecay, Share]]
    gradients: Sequence[Share]
    kinks: Sequence[tuple[Parts | None, Share]]

    @classmethod
    def of(cls, shares: Iterable[Share]) -> _Work:
        decays = [(p, s) for s in shares if isinstance(p := s.regularizer.penalty, WeightDecay)]
        kinked = [s for s in shares if _is_proximal(s.regularizer)]
        kinks = [(parts_of(s.regularizer.penalty), s) for s in kinked]
        return cls(decays, [s for s in shares if _has_gradient(s.regularizer)], kinks)


class Applied:
    """Regularizers resolved on a module and on the optimizers that train it.

    Args:
        module: The module whose parameters are penalised.
        regularizers: What falls on them.
        optimizers: All that step these parameters.

    Raises:
        ValueError: If a parameter is claimed twice.
        TypeError: If an optimizer cannot be used with a regularizer's method.
    """

    def __init__(
        self,
        module: nn.Module,
        regularizers: Iterable[Regularizer],
        optimizers: Sequence[Optimizer],
    ) -> None:
        self._claims = trainable_claims(module, regularizers)
        self._shares = {optimizer: self._shares_of(optimizer) for optimizer in optimizers}
        self._sizes = {optimizer: _size(optimizer) for optimizer in optimizers}
        for optimizer, shares in self._shares.items():
            _check(optimizer, shares)
        self._works = {optimizer: _Work.of(shares) for optimizer, shares in self._shares.items()}
        self._terms = [
            (regularizer.penalty, parts_of(regularizer.penalty), list(parameters.values()))
            for regularizer, parameters in self._claims
            if parameters and not isinstance(regularizer.penalty, NoPenalty | WeightDecay)
        ]
        self._one_pass = OnePass()

    def knows(self, optimizer: Optimizer) -> bool:
        """Whether the optimizer and its parameter groups are still those that were resolved."""
        return self._sizes.get(optimizer) == _size(optimizer)

    def value(self) -> Tensor:
        """Returns the sum of all penalties, a scalar without gradient; 0 if all is frozen."""
        with torch.no_grad():
            values = [self._value(*term) for term in self._terms]
            return added_up(values) if values else torch.zeros(())

    def _value(self, penalty: Penalty, parts: Parts | None, weights: Sequence[Tensor]) -> Tensor:
        known = None if parts is None else self._one_pass.value(parts, weights)
        if known is None:
            return total_value(penalty, weights)
        return torch.tensor(known, dtype=weights[0].dtype)

    def before_step(
        self, optimizer: Optimizer, scale: float = 1.0, *, skips_overflows: bool = False
    ) -> None:
        """Decays the weights, then adds the smooth parts to the gradients.

        Args:
            optimizer: The one that is about to step; one that this object knows.
            scale: What its gradients are still multiplied by, in mixed precision.
            skips_overflows: Whether the step is skipped if a gradient is not finite.
        """
        work = self._works[optimizer]
        if work.decays and not (skips_overflows and _overflows(optimizer)):
            for penalty, share in work.decays:
                lr = float(optimizer.param_groups[share.group]["lr"])
                decay_(penalty, share.with_gradient(), lr)
        for share in work.gradients:
            parameters = share.with_gradient()
            grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
            add_ = add_subgradient_ if share.regularizer.method == "subgradient" else add_gradient_
            add_(share.regularizer.penalty, parameters, grads, scale)

    def after_step(self, optimizer: Optimizer) -> None:
        """Applies the prox of the kinked parts, with the step the optimizer has just taken."""
        for parts, share in self._works[optimizer].kinks:
            group = optimizer.param_groups[share.group]
            steps = [(p, step_of(optimizer, group, p)) for p in share.with_gradient()]
            if parts is not None:
                steps = [(p, s) for p, s in steps if not self._one_pass.prox_(parts, p, s)]
            if steps:
                prox_(share.regularizer.penalty, *zip(*steps, strict=True))

    def warn_of_unreached(self) -> None:
        """Warns if a penalty falls on weights that no optimizer updates."""
        stepped = {id(p) for shares in self._shares.values() for s in shares for p in s.parameters}
        names = [n for _, ps in self._claims for n, p in ps.items() if id(p) not in stepped]
        if names:
            warnings.warn(
                f"No optimizer updates {', '.join(names)}, so the penalty on them has no effect. "
                "Freeze them (requires_grad=False) or leave them out with exclude(...).",
                PenaltyWarning,
                stacklevel=2,
            )

    def warn_of_double_penalties(self) -> None:
        """Warns, once, if an optimizer decays weights that a regularizer penalises already."""
        everything = [(o, share) for o, shares in self._shares.items() for share in shares]
        for optimizer, (regularizer, group, _) in everything:
            decay = optimizer.param_groups[group].get("weight_decay", 0)
            if decay and not isinstance(regularizer.penalty, NoPenalty):
                warnings.warn(
                    f"{type(optimizer).__name__} has weight_decay={decay} on weights that "
                    f"{regularizer.penalty!r} penalises too: they are shrunk twice. Give the "
                    "optimizer weight_decay=0, or put these weights into a group of theirs.",
                    DoublePenaltyWarning,
                    stacklevel=2,
                )
                return

    def _shares_of(self, optimizer: Optimizer) -> list[Share]:
        return [
            Share(regularizer, index, mine)
            for regularizer, parameters in self._claims
            for index, group in enumerate(optimizer.param_groups)
            if (mine := _common(group["params"], parameters.values()))
        ]


def _common(some: Iterable[nn.Parameter], others: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    ids = {id(parameter) for parameter in others}
    return [parameter for parameter in some if id(parameter) in ids]


def _overflows(optimizer: Optimizer) -> bool:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return not all(bool(grad.isfinite().all()) for grad in grads)


def _size(optimizer: Optimizer) -> int:
    return sum(len(group["params"]) for group in optimizer.param_groups)


def _is_proximal(regularizer: Regularizer) -> bool:
    return regularizer.method == "proximal" and has_kink(regularizer.penalty)


def _has_gradient(regularizer: Regularizer) -> bool:
    parts = parts_of(regularizer.penalty)
    return parts is None or parts.l2 > 0 or (regularizer.method == "subgradient" and any(parts[:3]))


def _check(optimizer: Optimizer, shares: Sequence[Share]) -> None:
    penalised = [s.regularizer for s in shares if not isinstance(s.regularizer.penalty, NoPenalty)]
    if penalised and isinstance(optimizer, LBFGS):
        raise TypeError(
            "A penalty needs an optimizer with one gradient a step, but got LBFGS, which evaluates "
            "its closure many times and searches along the returned loss without the penalty. "
            "Use SGD or Adam, or add the module's penalty() to the loss yourself."
        )
    if penalised:
        check_minimizes(optimizer)
    if any(_is_proximal(regularizer) for regularizer in penalised):
        check_supported(optimizer)
