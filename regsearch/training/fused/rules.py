"""The arithmetic of torch's optimizers over a stack, with numbers of each trial's own.

Each rule turns an optimizer's numbers into coefficients, one row a trial, and applies them in one
pass that also decays weights, adds a penalty's smooth part and soft-thresholds: compiled on a CPU
(`regsearch.training.fused.loops`), in torch's kernels elsewhere. A trial has a step count of its
own, so that one which enters later is corrected for its own bias.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from regsearch.training.fused import loops

Array = NDArray[np.float64]
Numbers = Mapping[str, Array]
"""Numbers by name, shape (K,) each: the optimizer's, and `l1`, `l2` and `rate` of the penalties."""


@dataclass(frozen=True)
class Rule:
    """One optimizer's arithmetic.

    Attributes:
        numbers: What is read from the optimizer's parameter groups.
        states: The optimizer's names of its running tensors, zero at first.
        coefficients: Takes the numbers and step counts of shape (K,), gives shape (K, C).
        loop: The compiled pass over one parameter.
        eager: The same in torch: weights, gradient, states, coefficients.
    """

    numbers: tuple[str, ...]
    states: tuple[str, ...]
    coefficients: Callable[[Numbers, Array], Array]
    loop: Callable[..., None]
    eager: Callable[[Tensor, Tensor, Sequence[Tensor], Sequence[Tensor]], None]


def _columns(*columns: Any) -> Array:
    filled = np.empty((len(columns[0]), len(columns)))
    for index, column in enumerate(columns):
        filled[:, index] = column
    return filled


def _adam_coefficients(n: Numbers, steps: Array) -> Array:
    lr, first, second = n["lr"], n["beta1"], n["beta2"]
    is_decoupled = n["decoupled_weight_decay"] > 0
    return _columns(
        1 - lr * n["rate"],
        2 * n["l2"] + np.where(is_decoupled, 0.0, n["weight_decay"]),
        np.where(is_decoupled, 1 - lr * n["weight_decay"], 1.0),
        1 - first,
        second,
        1 - second,
        lr / (1 - first**steps),
        (1 - second**steps) ** -0.5,
        n["eps"],
        lr * n["l1"],
    )


def _adam_eager(
    w: Tensor, grad: Tensor, states: Sequence[Tensor], coefficients: Sequence[Tensor]
) -> None:
    mean, square = states
    decay, pull, shrink, new, old2, new2, size, root, eps, kink = coefficients
    w.mul_(decay)
    grad = torch.addcmul(grad, w, pull)
    w.mul_(shrink)
    mean.add_(new * (grad - mean))
    square.mul_(old2).add_(new2 * grad.square())
    scale = square.sqrt().mul_(root).add_(eps)
    w.sub_(size * mean / scale)
    _soften(w, kink / scale)


def _sgd_coefficients(n: Numbers, steps: Array) -> Array:
    lr, momentum = n["lr"], n["momentum"]
    new = np.where(momentum > 0, 1 - n["dampening"], 1.0)
    return _columns(
        1 - lr * n["rate"],
        2 * n["l2"] + n["weight_decay"],
        momentum,
        np.where(steps > 1, new, 1.0),
        np.where(n["nesterov"] > 0, 1.0, 0.0),  # share of the gradient itself in the direction
        np.where(n["nesterov"] > 0, momentum, 1.0),  # and of its running mean
        lr,
        lr * new / (1 - momentum) * n["l1"],
    )


def _sgd_eager(
    w: Tensor, grad: Tensor, states: Sequence[Tensor], coefficients: Sequence[Tensor]
) -> None:
    (buffer,) = states
    decay, pull, momentum, new, direct, running, lr, kink = coefficients
    w.mul_(decay)
    grad = torch.addcmul(grad, w, pull)
    buffer.mul_(momentum).add_(new * grad)
    w.sub_(lr * (direct * grad + running * buffer))
    _soften(w, kink.expand_as(w))


def _rmsprop_coefficients(n: Numbers, steps: Array) -> Array:
    lr = n["lr"]
    return _columns(
        1 - lr * n["rate"],
        2 * n["l2"] + n["weight_decay"],
        n["alpha"],
        1 - n["alpha"],
        n["momentum"],
        lr,
        n["eps"],
        lr / (1 - n["momentum"]) * n["l1"],
    )


def _rmsprop_eager(
    w: Tensor, grad: Tensor, states: Sequence[Tensor], coefficients: Sequence[Tensor]
) -> None:
    square, buffer = states
    decay, pull, old, new, momentum, lr, eps, kink = coefficients
    w.mul_(decay)
    grad = torch.addcmul(grad, w, pull)
    square.mul_(old).add_(new * grad.square())
    scale = square.sqrt().add_(eps)
    buffer.mul_(momentum).add_(grad / scale)
    w.sub_(lr * buffer)
    _soften(w, kink / scale)


def _soften(w: Tensor, threshold: Tensor) -> None:
    w.sub_(torch.clamp(w, -threshold, threshold))


_ADAM = Rule(
    ("lr", "beta1", "beta2", "eps", "weight_decay", "decoupled_weight_decay"),
    ("exp_avg", "exp_avg_sq"),
    _adam_coefficients,
    loops.adam,
    _adam_eager,
)
_SGD = Rule(
    ("lr", "momentum", "dampening", "nesterov", "weight_decay"),
    ("momentum_buffer",),
    _sgd_coefficients,
    loops.sgd,
    _sgd_eager,
)
_RMSPROP = Rule(
    ("lr", "alpha", "momentum", "eps", "weight_decay"),
    ("square_avg", "momentum_buffer"),
    _rmsprop_coefficients,
    loops.rmsprop,
    _rmsprop_eager,
)
_RULES: dict[type[Optimizer], Rule] = {SGD: _SGD, Adam: _ADAM, AdamW: _ADAM, RMSprop: _RMSPROP}
# What changes the arithmetic itself; with one of them a trial steps its own optimizer.
_OTHERWISE = ("amsgrad", "centered", "maximize", "differentiable", "capturable")


def rule_of(optimizer: Optimizer) -> Rule | None:
    """Returns an optimizer's rule; None if there is none, or it is set to something else."""
    if any(group.get(name) for group in optimizer.param_groups for name in _OTHERWISE):
        return None
    hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    return None if hooks else _RULES.get(type(optimizer))


def numbers_of(rule: Rule, group: Mapping[str, Any]) -> dict[str, float]:
    """Returns the numbers of one parameter group."""
    known = dict(group)
    if "betas" in group:
        known["beta1"], known["beta2"] = group["betas"]
    return {name: float(known[name]) for name in rule.numbers}
