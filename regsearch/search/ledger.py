"""The coordinator's books: every question to Optuna and every answer goes through here.

The one process that holds the storage asks, reports, tells and prunes, so that workers need no
Optuna and a trial cannot be told two things at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial, TrialState

from regsearch.search.records import ATTEMPT, LOST, PARAMS, RECORD, Record, encoded, record, records
from regsearch.search.retries import requeue, running
from regsearch.search.space import Space
from regsearch.search.verdict import divergence, judged, worst
from regsearch.trials import Direction, Outcome, Report, Trial

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
INTERRUPTED = "interrupted"
DIED = "lost: the process that ran the study died"


@dataclass(frozen=True)
class Rules:
    """How long a study goes on, and what it measures.

    Attributes:
        monitor: The metric that is optimised.
        direction: "minimize" or "maximize".
        n_trials: How many complete and pruned trials are wanted.
        seed: The seed of every trial.
        queued_only: Whether the study ends with its queue, as a grid does.
        max_retries: How often a trial is tried again after its coordinator died.
    """

    monitor: str
    direction: Direction
    n_trials: int
    seed: int
    queued_only: bool = False
    max_retries: int = 1


@dataclass
class _Held:
    trial: Trial
    asked: optuna.Trial
    began: float
    diverged: str = ""
    steps: set[int] = field(default_factory=set)


class Ledger:
    """Keeps the books of one study while this process holds it.

    Args:
        study: The Optuna study.
        space: Where its trials come from.
        rules: See `Rules`.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        rules: Rules,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study = study
        self._space = space
        self._rules = rules
        self._clock = clock
        self._held: dict[int, _Held] = {}
        self._counted = sum(entry.state != "failed" for entry in self.records())

    def records(self) -> list[Record]:
        """Returns the trials that have ended, by number."""
        return records(self._study.get_trials(deepcopy=False))

    def has_room(self) -> bool:
        """Tells whether one more trial is wanted now."""
        if self._counted + len(self._held) >= self._rules.n_trials:
            return False
        return not self._rules.queued_only or self._has_queue()

    def ask(self) -> Trial:
        """Returns the next trial: what is queued first, then what the sampler suggests."""
        asked = self._study.ask()
        params = self._space.suggest(asked)
        asked.set_user_attr(PARAMS, params)
        attempt = asked.user_attrs.get(ATTEMPT, 0)
        trial = Trial(asked.number, params, self._rules.seed, attempt)
        self._held[trial.number] = _Held(trial, asked, self._clock())
        return trial

    def report(self, report: Report) -> bool:
        """Passes a report on to the pruner; returns whether the trial must stop."""
        held = self._held.get(report.trial)
        if held is None:
            return True  # late news of a trial that has ended
        held.diverged = held.diverged or divergence(report, self._rules.monitor)
        if self._rules.monitor not in report.metrics or report.step in held.steps:
            return bool(held.diverged)
        held.steps.add(report.step)
        value = report.metrics[self._rules.monitor]
        held.asked.report(worst(self._rules.direction) if held.diverged else value, report.step)
        return bool(held.diverged) or held.asked.should_prune()

    def tell(self, outcome: Outcome) -> Outcome:
        """Writes down how a trial ended; returns the outcome as it counts."""
        held = self._held.pop(outcome.number)
        outcome = judged(outcome, self._rules.monitor, held.diverged)
        if outcome.state == "pruned" and outcome.error and not held.diverged:
            held.asked.report(worst(self._rules.direction), max(held.steps, default=-1) + 1)
        entry = record(held.trial, outcome, self._clock() - held.began)
        held.asked.set_user_attr(RECORD, encoded(entry))
        value = outcome.value if outcome.state == "complete" else None
        self._study.tell(held.asked, value, STATES[outcome.state])
        self._counted += outcome.state != "failed"
        return outcome

    def interrupt(self) -> list[Outcome]:
        """Queues every running trial again and closes it; returns the closed ones."""
        self._held = {}
        return [
            self._close(trial, INTERRUPTED, lost=trial.user_attrs.get(LOST, 0), again=True)
            for trial in running(self._study)
        ]

    def recover(self) -> list[Outcome]:
        """Does the same for what a dead process left running, up to `max_retries` times a trial."""
        closed = []
        for trial in running(self._study):
            lost = trial.user_attrs.get(LOST, 0) + 1
            again = lost <= self._rules.max_retries
            closed.append(self._close(trial, DIED, lost=lost, again=again))
        return closed

    def _close(self, trial: FrozenTrial, why: str, *, lost: int, again: bool) -> Outcome:
        if again:
            requeue(self._study, trial, lost=lost)
        outcome = Outcome(trial.number, "failed", None, {}, why)
        params = trial.user_attrs.get(PARAMS)
        if params is not None:  # else it died between being asked and being started
            attempt = trial.user_attrs.get(ATTEMPT, 0)
            ended = Trial(trial.number, params, self._rules.seed, attempt)
            entry = encoded(record(ended, outcome, 0.0))
            # Optuna gives no handle on a trial that somebody else asked for.
            self._study._storage.set_trial_user_attr(trial._trial_id, RECORD, entry)
        self._study.tell(trial.number, state=TrialState.FAIL)
        return outcome

    def _has_queue(self) -> bool:
        waiting = (TrialState.WAITING,)
        return bool(self._study.get_trials(deepcopy=False, states=waiting))
