"""The median rule, as `optuna.pruners.MedianPruner` has it, at a cost that history does not raise.

Optuna's pruner goes through all complete trials at every report; this one learns each of them once.
After 2000 trials that is the difference between milliseconds and microseconds a report.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict

import optuna
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


class RunningMedianPruner(BasePruner):
    """Stops a trial whose best value so far is worse than the median of the complete ones.

    Compared are the values that complete trials had at the trial's last step. One pruner goes with
    one study.

    Args:
        n_startup_trials: How many trials must be complete before any is stopped.
        n_warmup_steps: How many steps every trial is given.
    """

    def __init__(self, *, n_startup_trials: int, n_warmup_steps: int) -> None:
        self._n_startup_trials = n_startup_trials
        self._n_warmup_steps = n_warmup_steps
        self._values: dict[int, list[float]] = defaultdict(list)  # sorted, by step
        self._complete = 0
        self._open: list[int] = []
        self._known = 0

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Tells whether a trial should stop."""
        step = trial.last_step
        if step is None or step < self._n_warmup_steps:
            return False
        self._learn(study.get_trials(deepcopy=False))
        values = self._values.get(step)
        if self._complete < self._n_startup_trials or not values:
            return False
        median = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        own = trial.intermediate_values.values()
        if study.direction == StudyDirection.MAXIMIZE:
            return max(own) < median
        return min(own) > median

    def _learn(self, trials: list[FrozenTrial]) -> None:
        """Takes in what has ended since the last time."""
        unknown = [*self._open, *range(self._known, len(trials))]
        self._known = len(trials)
        self._open = []
        for number in unknown:
            if not trials[number].state.is_finished():
                self._open.append(number)
            elif trials[number].state == TrialState.COMPLETE:
                self._complete += 1
                for step, value in trials[number].intermediate_values.items():
                    insort(self._values[step], value)
