"""How far an optimizer moves a weight per unit of gradient: the step of the proximal map.

Soft-thresholding by lr·lam is right for plain SGD only. The fixed point of "optimizer step, then
prox" is a minimiser of loss + penalty when the prox uses the step that the optimizer takes under a
constant gradient. With momentum μ that is lr/(1 - μ); for Adam it is lr/(√v̂ + eps), another one for
each coordinate, read here from the optimizer's own state after its step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RMSprop


class Step(NamedTuple):
    """A step per coordinate: numerator / (root(moment)·scale + eps).

    Attributes:
        numerator: The learning rate, times what momentum adds up to.
        moment: The optimizer's running moment of the gradient, shaped like the parameter.
        root: Whether the square root of the moment is taken (it is a second moment).
        scale: Bias correction of the moment, after the root.
        eps: The optimizer's own.
    """

    numerator: float
    moment: Tensor
    root: bool
    scale: float
    eps: float

    def tensor(self) -> Tensor:
        """Returns the steps, shaped like the parameter."""
        moment = self.moment.sqrt() if self.root else self.moment
        return self.numerator / (moment * self.scale + self.eps)


Group = Mapping[str, Any]
State = Mapping[str, Any]


def step_from(kind: type[Optimizer], group: Group, state: State) -> float | Step:
    """Returns the step per unit of gradient that an optimizer has just taken with a parameter.

    Args:
        kind: The optimizer's class, a supported one; see `check_supported`.
        group: The parameter's group.
        state: What the optimizer keeps of the parameter after the step, by its names for it.
    """
    return _STEPS[kind](group, state)


def check_supported(optimizer: Optimizer) -> None:
    """Raises TypeError, with the way out, if the proximal step of `optimizer` is not known."""
    name = type(optimizer).__name__
    if type(optimizer) not in _STEPS:
        raise TypeError(
            f"method='proximal' needs an optimizer whose step per unit of gradient is known: "
            f"{', '.join(kind.__name__ for kind in _STEPS)}. Got {name}. "
            "Use one of these, or Regularizer(penalty, method='subgradient')."
        )


def check_minimizes(optimizer: Optimizer) -> None:
    """Raises TypeError if the optimizer climbs: a penalty would be rewarded."""
    if any(group.get("maximize", False) for group in optimizer.param_groups):
        raise TypeError(
            "A penalty is added to a loss that is minimised, but got "
            f"{type(optimizer).__name__}(maximize=True). Minimise the negated objective instead."
        )


def _sgd(group: Group, state: State) -> float:
    gain = (1 - group["dampening"]) / (1 - group["momentum"]) if group["momentum"] else 1.0
    return float(group["lr"]) * float(gain)


def _adam(group: Group, state: State) -> Step:
    moment = state["max_exp_avg_sq"] if group.get("amsgrad") else state["exp_avg_sq"]
    correction = 1 - float(group["betas"][1]) ** float(state["step"])
    return Step(float(group["lr"]), moment, True, correction**-0.5, group["eps"])


def _nadam(group: Group, state: State) -> Step:
    """Adam's, times what NAdam's drifting momentum schedule adds up to (Dozat 2016)."""
    beta1, step = float(group["betas"][0]), float(state["step"])
    product, decay = float(state["mu_product"]), group["momentum_decay"]
    now = beta1 * (1 - 0.5 * 0.96 ** (step * decay))
    following = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * decay))
    momentum = following / (1 - product * following) * (1 - beta1**step)
    gain = (1 - now) / (1 - product) + momentum
    adam = _adam(group, state)
    return adam._replace(numerator=adam.numerator * gain)


def _adamax(group: Group, state: State) -> Step:
    return Step(float(group["lr"]), state["exp_inf"], False, 1.0, 0.0)


def _rmsprop(group: Group, state: State) -> Step:
    moment = state["square_avg"]
    if group["centered"]:
        moment = torch.addcmul(moment, state["grad_avg"], state["grad_avg"], value=-1)
    return Step(float(group["lr"]) / (1 - group["momentum"]), moment, True, 1.0, group["eps"])


def _adagrad(group: Group, state: State) -> Step:
    lr = float(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
    return Step(lr, state["sum"], True, 1.0, group["eps"])


_STEPS: dict[type[Optimizer], Callable[[Group, State], float | Step]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    NAdam: _nadam,
    Adamax: _adamax,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
}
