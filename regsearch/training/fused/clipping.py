"""Gradient clipping of a stack: every trial's gradient by itself, as its Trainer would clip it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.optim import Optimizer


@dataclass(frozen=True)
class Clipping:
    """`gradient_clip_val` and `gradient_clip_algorithm`; false if nothing is clipped."""

    limit: float = 0.0
    by: Literal["norm", "value"] = "norm"

    def __bool__(self) -> bool:
        return self.limit > 0

    def clip_one_(self, optimizer: Optimizer) -> None:
        """Clips the gradients that one trial's optimizer is about to use."""
        if not self:
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        if self.by == "value":
            torch.nn.utils.clip_grad_value_(parameters, self.limit)
        else:
            torch.nn.utils.clip_grad_norm_(parameters, self.limit)

    def clip_(self, grads: Sequence[Tensor]) -> None:
        """Clips gradients of shape (K, ...); a norm is over all of one trial's."""
        if not self or not grads:
            return
        if self.by == "value":
            for grad in grads:
                grad.clamp_(-self.limit, self.limit)
            return
        norms = torch.stack([torch.linalg.vector_norm(grad.flatten(1), dim=1) for grad in grads])
        total = torch.linalg.vector_norm(norms, dim=0)
        factor = (self.limit / (total + 1e-6)).clamp(max=1.0)  # as torch's clip_grad_norm_
        for grad in grads:
            grad.mul_(factor.view(-1, *(1,) * (grad.ndim - 1)))
