"""What a study queues before its sampler has a say: the baseline, a spread start, a grid."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from regsearch.penalties import RATIO_KINDS
from regsearch.search.ranges import Strength, numbers
from regsearch.search.space import BASELINE, Space

GOLDEN = 0.6180339887498949  # the additive recurrence that leaves the smallest gaps
PLASTIC = 0.5698402909980532  # its partner for a second dimension
FIXED = "fixed_params"  # where Optuna keeps the params of a queued trial


@dataclass(frozen=True)
class Point:
    """Params for Optuna to use as they are, and whether they stand for the baseline."""

    params: Mapping[str, Any]
    baseline: bool = False


def enqueue_missing(study: optuna.Study, points: Iterable[Point]) -> None:
    """Queues the points that are neither waiting nor done in a study; failed ones come again."""
    trials = study.get_trials(deepcopy=False)
    there = [_queued_as(trial) for trial in trials if trial.state != TrialState.FAIL]
    for point in points:
        if (dict(point.params), point.baseline) not in there:
            attrs = {BASELINE: True} if point.baseline else {}
            study.enqueue_trial(dict(point.params), user_attrs=attrs)


def _queued_as(trial: FrozenTrial) -> tuple[dict[str, Any], bool]:
    return trial.system_attrs.get(FIXED, {}), trial.user_attrs.get(BASELINE, False)


def spread(space: Space, n: int, seed: int) -> list[Point]:
    """Returns n settings that cover the kinds in turn and each kind's λs evenly.

    Extras are left to the sampler. λ follows an additive recurrence with the golden ratio in the
    log domain, from an offset of each kind's own.
    """
    draws = random.Random(seed)
    offsets = [draws.random() for _ in space.kinds]
    first = draws.random()
    points = []
    for i in range(n if space.kinds else 0):
        turn, k = divmod(i, len(space.kinds))
        kind = space.kinds[k]
        params = {"penalty": kind, "lam": _at(space.strengths[kind], offsets[k] + turn * GOLDEN)}
        if space.ratio is not None:
            params["l1_ratio"] = _at(space.ratio, first + i * PLASTIC)
        points.append(Point(params))
    return points


def _at(d: Strength, u: float) -> float:
    """Returns the value at the fraction `u mod 1` of a distribution."""
    u %= 1.0
    if isinstance(d, CategoricalDistribution):
        return numbers(d)[int(u * len(d.choices))]
    if d.log:
        return min(max(d.low * math.pow(d.high / d.low, u), d.low), d.high)
    return min(d.low + u * (d.high - d.low), d.high)


def grid(space: Space) -> list[Point]:
    """Returns every combination of the space's kinds, λs, ratios and extras once, λ slowest.

    Kinds without a ratio, and the baseline, appear once for all ratios. A ratio's range `(lo, hi)`
    stands for its ends and its middle.

    Raises:
        ValueError: If λ has a range, or an extra is continuous.
    """
    extras = _extras(space)
    settings = ([space.surrogate()] if _has_baseline(space) else []) + list(_penalties(space))
    return [
        Point({**setting, **extra}, baseline=i == 0 and _has_baseline(space))
        for i, setting in enumerate(settings)
        for extra in extras
    ]


def _has_baseline(space: Space) -> bool:
    zero = any(0.0 in _lams(space, kind) for kind in space.kinds)
    return space.baseline or zero or not space.kinds or len(space.kinds) < len(space.penalties)


def _penalties(space: Space) -> Iterator[dict[str, Any]]:
    lams = sorted({lam for kind in space.kinds for lam in _lams(space, kind) if lam > 0})
    ratios = _ratios(space.ratio)
    for lam, kind in itertools.product(lams, space.kinds):
        if lam in _lams(space, kind):
            for ratio in ratios if kind in RATIO_KINDS else ratios[:1]:
                own = {} if ratio is None else {"l1_ratio": ratio}
                yield {"penalty": kind, "lam": lam, **own}


def _lams(space: Space, kind: str) -> list[float]:
    strength = space.strengths[kind]
    if isinstance(strength, FloatDistribution):
        raise ValueError(
            'sampler="grid" needs the λs themselves: Space(lam=[0.0, 1e-4, 1e-3]) or '
            f"Space(lam={{{kind!r}: [1e-4, 1e-3], ...}}), but {kind} has the range "
            f"({strength.low:g}, {strength.high:g})."
        )
    return numbers(strength)


def _ratios(ratio: Strength | None) -> list[float | None]:
    if ratio is None:
        return [None]
    if isinstance(ratio, CategoricalDistribution):
        return list(numbers(ratio))
    return list(dict.fromkeys((ratio.low, (ratio.low + ratio.high) / 2, ratio.high)))


def _extras(space: Space) -> list[dict[str, Any]]:
    named = {name: _values(name, d) for name, d in (space.extra or {}).items()}
    return [dict(zip(named, chosen, strict=True)) for chosen in itertools.product(*named.values())]


def _values(name: str, d: BaseDistribution) -> list[Any]:
    if isinstance(d, CategoricalDistribution):
        return list(d.choices)
    if isinstance(d, IntDistribution):
        return list(range(d.low, d.high + 1, d.step))
    if isinstance(d, FloatDistribution) and d.step is not None:
        return [d.low + i * d.step for i in range(round((d.high - d.low) / d.step) + 1)]
    raise ValueError(
        f'sampler="grid" needs extras of finitely many values, but extra[{name!r}] is {d!r}: use a '
        "CategoricalDistribution, an IntDistribution or a FloatDistribution with a step."
    )
