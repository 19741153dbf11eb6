"""Which λs a search may try for each kind of penalty: a log-uniform range, or a list of values.

An L2 penalty's useful λs reach higher than an L1 penalty's, so each kind has a range of its own.
`by_kind` turns what a user writes into one Optuna distribution a kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from typing import NamedTuple, TypeAlias

from optuna.distributions import CategoricalDistribution, FloatDistribution

Range: TypeAlias = tuple[float, float]
Lam: TypeAlias = Range | list[float] | Mapping[str, Range] | Mapping[str, list[float]] | None
Strength: TypeAlias = FloatDistribution | CategoricalDistribution

DEFAULT_RANGES: dict[str, Range] = {
    "l1": (1e-6, 3e-2),
    "l2": (1e-6, 1e-1),
    "elastic_net": (1e-6, 3e-2),
    "group_lasso": (1e-5, 1e-1),
    "sparse_group_lasso": (1e-5, 1e-1),
    "weight_decay": (1e-4, 10.0),
}
FALLBACK_RANGE: Range = (1e-6, 1e-1)


class Rule(NamedTuple):
    """What a number must satisfy, in words and as a test."""

    words: str
    holds: Callable[[float], bool]


POSITIVE = Rule("above 0", lambda value: value > 0)
NOT_NEGATIVE = Rule("at least 0", lambda value: value >= 0)
UNIT = Rule("in [0, 1]", lambda value: 0 <= value <= 1)


def by_kind(kinds: Sequence[str], lam: Lam) -> dict[str, Strength]:
    """Returns the distribution of λ for each kind.

    Args:
        kinds: The kinds that have a strength.
        lam: None (`DEFAULT_RANGES`), a range `(lo, hi)`, a list of values, or a mapping from kinds
            to ranges (kinds left out get their default) or to lists (no kind may be left out).

    Raises:
        ValueError: If a range is empty, reversed or not positive, a list holds no positive value,
            or a mapping does not fit the kinds.
        TypeError: If `lam` is none of the above.
    """
    if lam is None:
        return {kind: _default(kind) for kind in kinds}
    if isinstance(lam, Mapping):
        return _from_mapping(kinds, lam)
    return dict.fromkeys(kinds, _strength("lam", lam))


def common(strengths: Iterable[Strength]) -> Strength:
    """Returns the narrowest distribution that holds all of these."""
    chosen = list(strengths)
    lists = [numbers(s) for s in chosen if isinstance(s, CategoricalDistribution)]
    if lists:
        return CategoricalDistribution(sorted(set().union(*lists)))
    ranges = [s for s in chosen if isinstance(s, FloatDistribution)]
    return FloatDistribution(min(r.low for r in ranges), max(r.high for r in ranges), log=True)


def numbers(d: CategoricalDistribution) -> list[float]:
    """Returns the values of a list of numbers."""
    return [float(str(value)) for value in d.choices]


def checked_range(name: str, value: object, rule: Rule) -> Range:
    """Returns a range as two floats.

    Raises:
        ValueError: If it is not two finite numbers in order that satisfy the rule.
    """
    ends = _numbers(value, rule) if isinstance(value, tuple) else []
    if len(ends) != 2 or ends[0] > ends[1]:
        raise ValueError(
            f"{name} must be a range (lo, hi) of finite numbers {rule.words} with lo <= hi, "
            f"but got {value!r}."
        )
    return ends[0], ends[1]


def checked_values(name: str, value: list[float], rule: Rule) -> list[float]:
    """Returns a list of numbers as sorted floats, each once.

    Raises:
        ValueError: If it is empty or holds something that does not satisfy the rule.
    """
    valid = _numbers(value, rule)
    if not valid:
        raise ValueError(f"{name} must hold finite numbers {rule.words}, but got {value!r}.")
    return sorted(set(valid))


def _numbers(values: Sequence[object], rule: Rule) -> list[float]:
    """Returns the values as floats; none at all if one of them breaks the rule."""
    real = [float(v) for v in values if isinstance(v, Real) and not isinstance(v, bool)]
    fine = [v for v in real if math.isfinite(v) and rule.holds(v)]
    return fine if len(fine) == len(values) else []


def _from_mapping(
    kinds: Sequence[str], lam: Mapping[str, Range] | Mapping[str, list[float]]
) -> dict[str, Strength]:
    unknown = sorted(set(lam) - set(kinds))
    if unknown:
        raise ValueError(
            f"The kinds of lam must be among those of penalties, {tuple(kinds)}, but got {unknown}."
        )
    given = {kind: _strength(f"lam[{kind!r}]", value) for kind, value in lam.items()}
    lists = {kind for kind, value in lam.items() if isinstance(value, list)}
    if lists and lists != set(kinds):
        raise ValueError(
            "Either all kinds or none must have a list of values in lam, but got lists for "
            f"{sorted(lists)} out of {sorted(kinds)}."
        )
    return {kind: given[kind] if kind in given else _default(kind) for kind in kinds}


def _default(kind: str) -> FloatDistribution:
    low, high = DEFAULT_RANGES.get(kind, FALLBACK_RANGE)
    return FloatDistribution(low, high, log=True)


def _strength(name: str, value: object) -> Strength:
    if isinstance(value, tuple):
        low, high = checked_range(name, value, POSITIVE)
        return FloatDistribution(low, high, log=True)
    if not isinstance(value, list):
        raise TypeError(
            f"{name} must be None, a range (lo, hi), a list of values or a mapping from kinds to "
            f"ranges or lists, but got {value!r}."
        )
    values = checked_values(name, value, NOT_NEGATIVE)
    if values == [0.0]:
        raise ValueError(f"{name} must hold a value above 0, but got {value!r}.")
    return CategoricalDistribution(values)
