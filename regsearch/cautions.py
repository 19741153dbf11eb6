"""What is refused, and what is warned of, when penalties meet optimizers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from torch.optim import LBFGS, Optimizer

from regsearch.penalties import NoPenalty
from regsearch.regularizer import Claims
from regsearch.shares import Share, is_proximal
from regsearch.stepsizes import check_minimizes, check_supported

SharesOfAll: TypeAlias = Mapping[Optimizer, Sequence[Share]]


class PenaltyWarning(UserWarning):
    """A penalty that will probably not do what was meant."""


class DoublePenaltyWarning(PenaltyWarning):
    """An optimizer's own weight decay falls on weights that a regularizer penalises as well."""


def check_optimizer(optimizer: Optimizer, shares: Sequence[Share]) -> None:
    """Raises TypeError if an optimizer cannot be used with the regularizers on it."""
    penalised = [s.regularizer for s in shares if not isinstance(s.regularizer.penalty, NoPenalty)]
    if penalised and isinstance(optimizer, LBFGS):
        raise TypeError(
            "A penalty needs an optimizer with one gradient a step, but got LBFGS, which evaluates "
            "its closure many times and searches along the returned loss without the penalty. "
            "Use SGD or Adam, or add the module's penalty() to the loss yourself."
        )
    if penalised:
        check_minimizes(optimizer)
    if any(is_proximal(regularizer) for regularizer in penalised):
        check_supported(optimizer)


def warn_of_unreached(claims: Claims, shares: SharesOfAll) -> None:
    """Warns if a penalty falls on weights that no optimizer updates."""
    stepped = {id(p) for some in shares.values() for s in some for p in s.parameters}
    names = [n for _, ps in claims for n, p in ps.items() if id(p) not in stepped]
    if names:
        warnings.warn(
            f"No optimizer updates {', '.join(names)}, so the penalty on them has no effect. "
            "Freeze them (requires_grad=False) or leave them out with exclude(...).",
            PenaltyWarning,
            stacklevel=2,
        )


def warn_of_double_penalties(shares: SharesOfAll) -> None:
    """Warns, once, if an optimizer decays weights that a regularizer penalises already."""
    everything = [(o, share) for o, some in shares.items() for share in some]
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
