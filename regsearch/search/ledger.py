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

from regsearch.search.records import (
    ATTEMPT,
    PARAMS,
    RECORD,
    RETRY_OF,
    Record,
    encoded,
    record,
    records,
)
from regsearch.search.resume import Checkpoints
from regsearch.search.retries import Retries, running
from regsearch.search.space import Space
from regsearch.search.verdict import divergence, judged, worst
from regsearch.trials import INTERRUPTED, LOST, Direction, Outcome, Report, Trial

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
DIED = f"{LOST}: the process that ran the study died"


@dataclass(frozen=True)
class Rules:
    """How long a study goes on, and what it measures.

    Attributes:
        monitor: The metric that is optimised.
        direction: "minimize" or "maximize".
        n_trials: How many complete and pruned trials are wanted.
        seed: The seed of every trial.
        queued_only: Whether the study ends with its queue, as a grid does.
        max_retries: How often a trial is tried again after a process that it needs died or hung.
    """

    monitor: str
    direction: Direction
    n_trials: int
    seed: int
    queued_only: bool = False
    max_retries: int = 1


@dataclass
class _Held:
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
        checkpoints: What its unfinished trials left.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        rules: Rules,
        checkpoints: Checkpoints,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study = study
        self._space = space
        self._rules = rules
        self._checkpoints = checkpoints
        self._retries = Retries(study, checkpoints, rules.max_retries)
        self._clock = clock
        self._held: dict[int, _Held] = {}
        self._counted = sum(entry.state != "failed" for entry in self.records())
        self._again: set[int] = set()

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
        stored = self._stored(asked.number)
        trial = Trial(
            asked.number,
            params,
            self._rules.seed,
            attempt=stored.user_attrs.get(ATTEMPT, 0),
            resume_from=self._checkpoints.resumed_by(stored),
            retry_of=stored.user_attrs.get(RETRY_OF),
        )
        self._held[trial.number] = _Held(asked, self._clock(), steps={*stored.intermediate_values})
        return trial

    def _stored(self, number: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]

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
        self._close(self._stored(outcome.number), outcome, held)
        return outcome

    def comes_again(self, number: int) -> bool:
        """Tells whether a trial was closed without a verdict, and is queued once more."""
        return number in self._again

    def interrupt(self) -> list[Outcome]:
        """Queues every running trial again and closes it; returns the closed ones."""
        return self._close_running(INTERRUPTED)

    def recover(self) -> list[Outcome]:
        """Does the same for what a dead process left running, up to `max_retries` times a trial."""
        closed = self._close_running(DIED)
        self._retries.tidy()
        return closed

    def _close_running(self, why: str) -> list[Outcome]:
        closed = []
        for trial in running(self._study):
            outcome = Outcome(trial.number, "failed", None, {}, why)
            self._close(trial, outcome, self._held.pop(trial.number, None))
            closed.append(outcome)
        return closed

    def _close(self, trial: FrozenTrial, outcome: Outcome, held: _Held | None) -> None:
        if self._retries.queue(trial, outcome):
            self._again.add(trial.number)
        if PARAMS in trial.user_attrs:  # else it died between being asked and being started
            seconds = self._clock() - held.began if held else 0.0
            entry = encoded(record(trial, outcome, seconds))
            # Optuna gives no handle on a trial that somebody else asked for.
            self._study._storage.set_trial_user_attr(trial._trial_id, RECORD, entry)
        value = outcome.value if outcome.state == "complete" else None
        self._study.tell(trial.number, value, STATES[outcome.state])
        self._counted += outcome.state != "failed"
        self._checkpoints.drop(trial, comes_again=self.comes_again(trial.number))

    def _has_queue(self) -> bool:
        waiting = (TrialState.WAITING,)
        return bool(self._study.get_trials(deepcopy=False, states=waiting))
