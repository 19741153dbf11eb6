"""How much each hyperparameter decides whether a trial is among the best, as Optuna measures it.

Optuna wants a study, figures have a table: the table's complete trials become a study in memory.
λ is there where there is a penalty, l1_ratio where the penalty has one; the evaluator knows what to
make of parameters that only some trials have.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection

from regsearch.figures.data import StudyData
from regsearch.trials import Direction

NAME = "importances"
OWN = ("penalty", "lam", "l1_ratio")
FEWEST = 8  # complete trials that have a parameter; of fewer nothing can be said of it
# Which trials count as the best: with Optuna's own tenth of a small study, a parameter that few
# trials have looks as important as λ even when its values are shuffled.
SHARE = 1 / 3
BEST = 10  # at least, but no more than half of all
DECADES = 2.0  # a parameter that spans more is looked at in the log domain


def importances(data: StudyData) -> pd.Series[float]:
    """Returns each hyperparameter's share in what tells the best trials from the others.

    By PED-ANOVA (Watanabe et al., 2023, https://arxiv.org/abs/2304.10255): how differently a
    parameter is distributed among the best third of the complete trials as against all of them.
    An outlier among the values changes nothing, and neither does a change of their scale.

    Returns:
        Shares that sum to 1 by parameter, the largest first; without those that fewer than
        eight complete trials have, and those that never varied.
    """
    is_done = (data.trials["state"] == "complete") & np.isfinite(data.trials["value"])
    done = data.trials[is_done].reset_index(drop=True)
    columns = {name: _clean(done[name]) for name in (*OWN, *data.extras) if name in done}
    varying = {
        name: column
        for name, column in columns.items()
        if len(column) >= FEWEST and len(set(column.values())) > 1
    }
    if not varying:
        return pd.Series(dtype=float)
    study = _study(data, done["value"], varying)
    shares = _shares(study, min(max(SHARE, BEST / len(done)), 1 / 2))
    found = pd.Series(shares, dtype=float)
    total = float(found.sum())
    if not (math.isfinite(total) and total > 0):
        return pd.Series(dtype=float)
    return (found / total).sort_values(ascending=False, kind="stable")


def _clean(column: pd.Series[Any]) -> dict[Any, Any]:
    """Returns a parameter's values by row, those there are; λ = 0 is no λ."""
    known = column[column.notna()]
    if column.name == "lam":
        known = known[known > 0]
    return dict(known.items())


def _study(
    data: StudyData, values: pd.Series[float], varying: dict[str, dict[Any, Any]]
) -> optuna.Study:
    kinds = {name: _distribution(column.values()) for name, column in varying.items()}
    study = _empty_study(data.direction)
    for row, value in values.items():
        own = {name: column[row] for name, column in varying.items() if row in column}
        params = {name: _stored(kinds[name], setting) for name, setting in own.items()}
        distributions = {name: kinds[name] for name in own}
        study.add_trial(
            optuna.create_trial(value=value, params=params, distributions=distributions)
        )
    return study


def _empty_study(direction: Direction) -> optuna.Study:
    """Returns a study that was made without the line that Optuna logs for each."""
    storage = optuna.storages.InMemoryStorage()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, logging.WARNING))
    try:
        storage.create_new_study([StudyDirection[direction.upper()]], NAME)
    finally:
        optuna.logging.set_verbosity(before)
    sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
    return optuna.load_study(study_name=NAME, storage=storage, sampler=sampler, pruner=pruner)


def _distribution(values: Iterable[Any]) -> BaseDistribution:
    seen = list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in seen):
        low, high = float(min(seen)), float(max(seen))
        return FloatDistribution(low, high, log=low > 0 and math.log10(high / low) > DECADES)
    return CategoricalDistribution(sorted({str(value) for value in seen}))


def _stored(distribution: BaseDistribution, value: Any) -> Any:
    return str(value) if isinstance(distribution, CategoricalDistribution) else float(value)


def _shares(study: optuna.Study, quantile: float) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is experimental, and that the baseline is alone
        evaluator = PedAnovaImportanceEvaluator(target_quantile=quantile)
        return get_param_importances(study, evaluator=evaluator, normalize=False)
