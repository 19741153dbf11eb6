"""Regularizers at work: what happens to gradients and weights around an optimizer's step.

Before the step decoupled decay shrinks the weights and the smooth parts enter the gradients; after
it the kinked parts act as proximal maps with the step that this optimizer has just taken. Nothing
here knows Lightning: whoever runs the loop calls `before_step` and `after_step`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from regsearch.cautions import check_optimizer, warn_of_double_penalties, warn_of_unreached
from regsearch.multi_tensor import (
    add_gradient_,
    add_subgradient_,
    added_up,
    decay_,
    elementwise,
    prox_,
    total_value,
)
from regsearch.one_pass import OnePass, Parts, parts_of
from regsearch.penalties import NoPenalty, Penalty, WeightDecay
from regsearch.regularizer import Regularizer, trainable_claims
from regsearch.shards import (
    Groups,
    anywhere,
    by_groups,
    is_sharded,
    local,
    local_step,
    refuse_groups,
    reshard,
    summed,
)
from regsearch.shares import Work, shares_of
from regsearch.stepsizes import Step, step_from


class Applied:
    """Regularizers resolved on a module and on the optimizers that train it.

    Args:
        module: The module whose parameters are penalised.
        regularizers: What falls on them.
        optimizers: All that step these parameters.

    Raises:
        ValueError: If a parameter is claimed twice.
        TypeError: If an optimizer cannot be used with a regularizer's method, or a penalty that
            is not elementwise falls on sharded parameters.
    """

    def __init__(
        self,
        module: nn.Module,
        regularizers: Iterable[Regularizer],
        optimizers: Sequence[Optimizer],
    ) -> None:
        reshard(module)
        self._claims = trainable_claims(module, regularizers)
        self._shares = {optimizer: shares_of(optimizer, self._claims) for optimizer in optimizers}
        self._sizes = {optimizer: _size(optimizer) for optimizer in optimizers}
        for optimizer, shares in self._shares.items():
            check_optimizer(optimizer, shares)
        self._works = {optimizer: Work.of(shares) for optimizer, shares in self._shares.items()}
        self._terms = [
            (regularizer.penalty, parts_of(regularizer.penalty), mine, groups)
            for regularizer, parameters in self._claims
            if not isinstance(regularizer.penalty, NoPenalty | WeightDecay)
            for groups, mine in by_groups(parameters.values()).items()
        ]
        self._is_sharded = is_sharded(p for _, ps in self._claims for p in ps.values())
        for regularizer, parameters in self._claims:
            if elementwise(regularizer.penalty) is None:
                refuse_groups(regularizer.penalty, parameters)
        self._one_pass = OnePass()

    def knows(self, optimizer: Optimizer) -> bool:
        """Whether the optimizer and its parameter groups are still those that were resolved."""
        return self._sizes.get(optimizer) == _size(optimizer)

    def value(self) -> Tensor | float:
        """Returns the sum of all penalties without gradient; 0 if all is frozen.

        A scalar tensor where the weights are on a device that one would have to wait for.
        """
        values = [self._value(*term) for term in self._terms]
        numbers = [value for value in values if isinstance(value, float)]
        tensors = [value for value in values if isinstance(value, Tensor)]
        return added_up(tensors) + sum(numbers) if tensors else sum(numbers, 0.0)

    def _value(
        self, penalty: Penalty, parts: Parts | None, weights: Sequence[Tensor], groups: Groups
    ) -> Tensor | float:
        mine = self._local(weights)
        known = None if parts is None else self._one_pass.value(parts, mine)
        if known is not None and not groups:
            return known
        with torch.no_grad():
            here = total_value(penalty, mine) if known is None else mine[0].new_tensor(known)
            return summed(here, groups)

    def _local(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        return [local(tensor) for tensor in tensors] if self._is_sharded else tensors

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
                decay_(penalty, self._local(share.with_gradient()), lr)
        for share in work.gradients:
            parameters = share.with_gradient()
            grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
            add_ = add_subgradient_ if share.regularizer.method == "subgradient" else add_gradient_
            mine = self._local(parameters), self._local(grads)
            add_(share.regularizer.penalty, *mine, scale)

    def after_step(self, optimizer: Optimizer) -> None:
        """Applies the prox of the kinked parts, with the step the optimizer has just taken."""
        for parts, share in self._works[optimizer].kinks:
            group = optimizer.param_groups[share.group]
            steps: list[tuple[Tensor, float | Step]] = [
                (p, step_from(type(optimizer), group, optimizer.state[p]))
                for p in share.with_gradient()
            ]
            if self._is_sharded:
                steps = [(local(p), local_step(step)) for p, step in steps]
            if parts is not None:
                steps = [(p, s) for p, s in steps if not self._one_pass.prox_(parts, p, s)]
            if steps:
                prox_(share.regularizer.penalty, *zip(*steps, strict=True))

    def warn(self) -> None:
        """Warns of penalties that will probably not do what was meant."""
        warn_of_unreached(self._claims, self._shares)
        warn_of_double_penalties(self._shares)


def _overflows(optimizer: Optimizer) -> bool:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    overflow = not all(bool(local(grad).isfinite().all()) for grad in grads)
    return anywhere(overflow, grads) if is_sharded(grads) else overflow


def _size(optimizer: Optimizer) -> int:
    return sum(len(group["params"]) for group in optimizer.param_groups)
