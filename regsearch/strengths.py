"""A penalty's strength: a number, or a tensor with one number a trial; checked when it is given."""

from __future__ import annotations

import math
from numbers import Real

from torch import Tensor

Strength = float | Tensor


def check_strength(name: str, strength: Strength) -> None:
    """Raises ValueError unless the strength is finite and at least 0, TypeError if no number."""
    if not _everywhere(name, strength, 0.0, math.inf):
        raise ValueError(
            f"0 <= {name} < infinity must hold, but got {name}={_shown(strength)}. "
            f"Give a finite strength; {name}=0 switches the penalty off."
        )


def check_ratio(l1_ratio: Strength) -> None:
    """Raises ValueError unless 0 <= l1_ratio <= 1, TypeError if it is no number."""
    if not _everywhere("l1_ratio", l1_ratio, 0.0, 1.0):
        raise ValueError(
            f"0 <= l1_ratio <= 1 must hold, but got l1_ratio={_shown(l1_ratio)}. "
            "1 is pure L1, 0 has no L1 part."
        )


def like(strength: Strength, w: Tensor) -> Strength:
    """Returns the strength with the dtype and on the device of `w`."""
    return strength.to(w) if isinstance(strength, Tensor) else strength


def _everywhere(name: str, strength: Strength, low: float, high: float) -> bool:
    if isinstance(strength, Tensor):
        return bool(((strength >= low) & (strength <= high) & strength.isfinite()).all())
    if isinstance(strength, bool) or not isinstance(strength, Real):
        raise TypeError(
            f"{name} must be a number or a tensor of numbers, "
            f"but got {strength!r} of type {type(strength).__name__}."
        )
    return low <= strength <= high and math.isfinite(strength)


def _shown(strength: Strength) -> object:
    return strength.tolist() if isinstance(strength, Tensor) else strength
