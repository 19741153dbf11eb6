"""The space a search looks through: kinds of penalty, their strengths, and what else may vary.

The space is flat: `penalty`, `lam` and `l1_ratio` are suggested in every trial, whatever the kind,
so that a sampler sees one space of fixed dimension. It needs nothing but an Optuna trial, and so
works in anybody's own objective:

    params = space.suggest(trial)
    module = Net(width=params["width"]).regularize(space.penalty(params))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from regsearch.penalties import KINDS, RATIO_KINDS, Penalty, from_params
from regsearch.search.drawing import Suggester, draw
from regsearch.search.ranges import (
    UNIT,
    Lam,
    Range,
    Strength,
    by_kind,
    checked_range,
    checked_values,
    common,
    numbers,
)

NONE = "none"
BASELINE = "regsearch.baseline"
OWN_NAMES = ("penalty", "lam", "l1_ratio")


@dataclass(frozen=True)
class Space:
    """Kinds of penalty, a range of λ for each, and the extras of a study.

    Where kinds have different ranges of λ, a trial's λ is drawn from its own kind's range, and that
    is the `lam` Optuna stores. Samplers that infer the space from finished trials (multivariate
    TPE, GP, CMA-ES) then leave `lam` out of their joint model. A `Study` gives it back to them with
    `regsearch.search.joint.JointSampler`, which you can wrap around your own sampler as well. With
    one range for all kinds there is nothing to wrap.

    Attributes:
        penalties: Keys of `regsearch.penalties.KINDS`.
        lam: None for each kind's default range, `(lo, hi)` for all kinds, `{kind: (lo, hi)}`, a
            list of values, or `{kind: [values]}`. A 0 in a list is the baseline.
        l1_ratio: A range `(lo, hi)` or a list of values, for the kinds that have a ratio.
        extra: Further parameters by name, as Optuna distributions; `Task.module` gets them.
        baseline: Whether a study tries no penalty at all first.

    Raises:
        ValueError: If a kind is unknown, a range is empty, reversed or out of bounds, or an extra
            takes a name of the space's own.
        TypeError: If an argument has another form than those above.

    Example:
        >>> space = Space(penalties=("l1", "elastic_net"), lam=(1e-5, 1e-2))
        >>> space.suggest(optuna.trial.FixedTrial({"penalty": "l1", "lam": 1e-3, "l1_ratio": 0.5}))
        {'penalty': 'l1', 'lam': 0.001}
    """

    penalties: Sequence[str] = ("l1", "l2", "elastic_net")
    lam: Lam = None
    l1_ratio: Range | list[float] = (0.05, 0.95)
    extra: Mapping[str, BaseDistribution] | None = field(default=None)
    baseline: bool = True

    def __post_init__(self) -> None:
        _check_penalties(self.penalties)
        _check_extra(self.extra or {})
        _ = self.strengths, self.ratio

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that have a strength."""
        return tuple(kind for kind in self.penalties if kind != NONE)

    @cached_property
    def strengths(self) -> dict[str, Strength]:
        """The λs of each kind that has a strength."""
        return by_kind(self.kinds, self.lam)

    @cached_property
    def strength(self) -> Strength:
        """The narrowest distribution that holds the λs of all kinds."""
        return common(self.strengths.values())

    @cached_property
    def ratio(self) -> Strength | None:
        """The values of `l1_ratio`; None if no kind of the space has one."""
        if isinstance(self.l1_ratio, list):
            chosen: Strength = CategoricalDistribution(
                checked_values("l1_ratio", self.l1_ratio, UNIT)
            )
        else:
            chosen = FloatDistribution(*checked_range("l1_ratio", self.l1_ratio, UNIT))
        return chosen if RATIO_KINDS.intersection(self.penalties) else None

    def suggest(self, trial: Suggester) -> dict[str, Any]:
        """Asks an Optuna trial for one setting.

        Returns:
            `penalty`, `lam`, `l1_ratio` if the kind has one, and the extras; for the baseline
            `penalty="none"` and `lam=0.0`.
        """
        kind = trial.suggest_categorical("penalty", list(self.penalties))
        lam = self._suggest_lam(trial, kind) if self.kinds else 0.0
        ratio = None if self.ratio is None else draw(trial, "l1_ratio", self.ratio)
        extras = {name: draw(trial, name, d) for name, d in (self.extra or {}).items()}
        if lam == 0 or kind == NONE or trial.user_attrs.get(BASELINE, False):
            return {"penalty": NONE, "lam": 0.0, **extras}
        own = {"penalty": kind, "lam": lam}
        return {**own, "l1_ratio": ratio, **extras} if kind in RATIO_KINDS else {**own, **extras}

    def penalty(self, params: Mapping[str, Any]) -> Penalty:
        """Returns the penalty of a setting that `suggest` gave."""
        return from_params(params)

    def enqueue_baseline(self, study: optuna.Study) -> None:
        """Has an Optuna study try no penalty at all next.

        λ=0 is no value of a log-uniform distribution, and a trial without `lam` would take it out
        of the space samplers infer. So Optuna stores the weakest λ of the first kind, which the
        baseline tells it something true about, and a mark by which `suggest` knows the trial.
        """
        study.enqueue_trial(self.surrogate(), user_attrs={BASELINE: True})

    def surrogate(self) -> dict[str, Any]:
        """Returns what Optuna stores for the baseline, without the extras."""
        kind = NONE if NONE in self.penalties else self.penalties[0]
        strength = self.strengths.get(kind, self.strength) if self.kinds else None
        named = {"lam": strength, "l1_ratio": self.ratio}
        weakest = {name: _weakest(d) for name, d in named.items() if d is not None}
        return {"penalty": kind, **weakest}

    def _suggest_lam(self, trial: Suggester, kind: str) -> float:
        strength = self.strengths.get(kind, self.strength)
        if isinstance(strength, FloatDistribution):
            return float(draw(trial, "lam", strength))
        # Optuna wants the same choices in every trial, so all kinds draw from all values.
        drawn = float(draw(trial, "lam", self.strength))
        return _nearest(drawn, numbers(strength))


def _check_penalties(penalties: Sequence[str]) -> None:
    if isinstance(penalties, str) or not penalties:
        raise ValueError(
            f"penalties must be a sequence of kinds, such as ('l1', 'l2'), but got {penalties!r}."
        )
    unknown = [kind for kind in penalties if kind not in KINDS]
    if unknown:
        raise ValueError(
            f"penalties must be known kinds, but got {unknown}. Known are: {', '.join(KINDS)}."
        )
    if len(set(penalties)) < len(penalties):
        raise ValueError(f"penalties must hold each kind once, but got {tuple(penalties)}.")


def _check_extra(extra: Mapping[str, BaseDistribution]) -> None:
    taken = sorted(set(extra).intersection(OWN_NAMES))
    if taken:
        raise ValueError(f"extra must not use the names {', '.join(OWN_NAMES)}, but got {taken}.")
    known = (FloatDistribution, IntDistribution, CategoricalDistribution)
    for name, distribution in extra.items():
        if not isinstance(distribution, known):
            raise TypeError(
                f"extra[{name!r}] must be an optuna FloatDistribution, IntDistribution or "
                f"CategoricalDistribution, but got {distribution!r}."
            )


def _weakest(d: Strength) -> float:
    return d.low if isinstance(d, FloatDistribution) else min(numbers(d))


def _nearest(drawn: float, values: Sequence[float]) -> float:
    """Returns the value closest to the drawn one, in the log domain; 0 is closest to 0 alone."""
    if drawn in values or drawn == 0:
        return drawn
    return min((v for v in values if v > 0), key=lambda v: abs(math.log(v / drawn)))
