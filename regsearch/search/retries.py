"""Trials that began and did not end: a copy is queued, then the old one is closed.

In that order a crash in between loses nothing, and `RETRY_OF` keeps it from queueing a second copy.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from regsearch.search.points import FIXED
from regsearch.search.records import ATTEMPT, LOST, PARAMS, RECORD, RETRY_OF


def requeue(study: optuna.Study, trial: FrozenTrial, *, lost: int) -> None:
    """Queues a copy of a running trial, unless there is one.

    Args:
        study: The trial's study.
        trial: A trial that has no outcome.
        lost: How often its coordinator died under it so far.
    """
    copies = {t.user_attrs.get(RETRY_OF) for t in study.get_trials(deepcopy=False)}
    params = {**trial.system_attrs.get(FIXED, {}), **trial.params}
    if params and trial.number not in copies:
        study.enqueue_trial(params, user_attrs=_passed_on(trial, lost))


def _passed_on(trial: FrozenTrial, lost: int) -> dict[str, Any]:
    own = {
        RETRY_OF: trial.number,
        ATTEMPT: trial.user_attrs.get(ATTEMPT, 0) + 1,
        LOST: lost,
    }
    spent = {*own, RECORD, PARAMS}
    return {**{k: v for k, v in trial.user_attrs.items() if k not in spent}, **own}


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Returns the trials that began and have not ended."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
