"""Trials that began and have no verdict: a copy is queued, then the old one is closed.

In that order a crash in between loses nothing, and `RETRY_OF` keeps it from queueing a second copy.
A copy has the old one's params and reported values, so that the pruner knows what was learnt, and
begins at its last checkpoint, if there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from regsearch.search.points import FIXED
from regsearch.search.records import ATTEMPT, LOSSES, PARAMS, RECORD, RESUMES, RETRY_OF
from regsearch.search.resume import Checkpoints, resumed
from regsearch.trials import INTERRUPTED, LOST, Outcome


@dataclass(frozen=True)
class Retries:
    """Decides which trials come again.

    Attributes:
        study: The study.
        checkpoints: What its unfinished trials left.
        limit: How often a trial may come again because the process that trained it died or hung.
            One that was interrupted comes again in any case.
    """

    study: optuna.Study
    checkpoints: Checkpoints
    limit: int

    def queue(self, trial: FrozenTrial, outcome: Outcome) -> bool:
        """Queues a copy of a trial, if its outcome calls for one; returns whether it does.

        Args:
            trial: A trial that is not closed, in the storage's view.
            outcome: How it will be closed.
        """
        losses = trial.user_attrs.get(LOSSES, 0) + outcome.error.startswith(LOST)
        if outcome.state != "failed" or not self._is_no_verdict(outcome, losses):
            return False
        params = {**trial.system_attrs.get(FIXED, {}), **trial.params}
        if params and not self._has_copy(trial):
            copy = optuna.create_trial(
                state=TrialState.WAITING,
                system_attrs={FIXED: params},
                user_attrs=self._passed_on(trial, losses),
                intermediate_values=trial.intermediate_values,
            )
            self.study.add_trial(copy)
        return True

    def _is_no_verdict(self, outcome: Outcome, losses: int) -> bool:
        if outcome.error.startswith(LOST):
            return losses <= self.limit
        return outcome.error.startswith(INTERRUPTED)

    def _has_copy(self, trial: FrozenTrial) -> bool:
        later = self.study.get_trials(deepcopy=False)[trial.number + 1 :]
        return any(other.user_attrs.get(RETRY_OF) == trial.number for other in later)

    def _passed_on(self, trial: FrozenTrial, losses: int) -> dict[str, Any]:
        spent = {RECORD, PARAMS}
        return {
            **{name: value for name, value in trial.user_attrs.items() if name not in spent},
            RETRY_OF: trial.number,
            ATTEMPT: trial.user_attrs.get(ATTEMPT, 0) + 1,
            LOSSES: losses,
            RESUMES: self.checkpoints.left_by(trial),
        }

    def tidy(self) -> None:
        """Deletes the checkpoints that no queued trial begins with; for when none runs."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        self.checkpoints.keep_only([resumed(trial) for trial in waiting])


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Returns the trials that began and have not ended."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
