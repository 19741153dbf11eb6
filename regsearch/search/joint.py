"""Keeps λ in a sampler's joint model where the kinds of a space have different ranges of λ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, CmaEsSampler
from optuna.trial import FrozenTrial, TrialState

from regsearch.search.space import Space


class JointSampler(BaseSampler):
    """A sampler that knows `lam` for one parameter, though its range differs from kind to kind.

    Optuna's samplers model the parameters that had the same distribution in all finished trials,
    and draw the others one by one: TPE by itself, GP and CMA-ES at random. This wrapper adds `lam`
    to the joint space, over the range that holds all kinds' ranges, and moves a λ that lies outside
    its kind's range to the end of that range.

    Args:
        sampler: Any Optuna sampler.
        space: The space it samples.
    """

    def __init__(self, sampler: BaseSampler, space: Space) -> None:
        self._sampler = sampler
        self._space = space

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Returns the wrapped sampler's space, with `lam` if it models parameters jointly."""
        inferred = self._sampler.infer_relative_search_space(study, trial)
        if not inferred and not isinstance(self._sampler, CmaEsSampler):
            return inferred
        return dict(sorted({**inferred, "lam": self._space.strength}.items()))

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Returns the wrapped sampler's draw with λ inside its kind's range."""
        params = self._sampler.sample_relative(study, trial, search_space)
        strength = self._space.strengths.get(params.get("penalty", ""))
        if "lam" in params and isinstance(strength, FloatDistribution):
            params["lam"] = min(max(params["lam"], strength.low), strength.high)
        return params

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Returns the wrapped sampler's draw."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Passes the call on."""
        self._sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Passes the call on."""
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Passes the call on."""
        self._sampler.reseed_rng()
