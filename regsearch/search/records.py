"""What a study writes beside Optuna's own record of a trial, so that its table can be rebuilt.

Optuna stores what a sampler suggested; the record holds what was trained and what came of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optuna.trial import FrozenTrial

from regsearch.trials import Direction, Outcome

RECORD = "regsearch.record"
PARAMS = "regsearch.params"
ATTEMPT = "regsearch.attempt"
RETRY_OF = "regsearch.retry_of"
LOSSES = "regsearch.lost"  # how often the process that trained it died or hung
RESUMES = "regsearch.resumes"  # the number of the trial whose checkpoint it begins with


@dataclass(frozen=True)
class Record:
    """A trial that has ended.

    Attributes:
        number: Its number in the study.
        state: "complete", "pruned" or "failed".
        value: The monitored metric at the end; None if it has none that is finite.
        params: What was trained.
        metrics: The last report's metrics.
        reason: Why it did not complete, in a few words.
        error: What went wrong, a traceback as a rule.
        attempt: 0 for the first try.
        seconds: From the question to its outcome.
        retry_of: The number of the attempt before; None for the first.
        started: When it began, in seconds since the epoch; None if nobody knows.
    """

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    reason: str
    error: str
    attempt: int
    seconds: float
    retry_of: int | None = None
    started: float | None = None

    @property
    def kind(self) -> str:
        """The kind of penalty."""
        return str(self.params["penalty"])


def record(trial: FrozenTrial, outcome: Outcome, seconds: float) -> Record:
    """Returns the record of a trial that ended so."""
    return Record(
        number=trial.number,
        state=outcome.state,
        value=outcome.value,
        params=trial.user_attrs[PARAMS],
        metrics=dict(outcome.metrics),
        reason=outcome.reason,
        error=outcome.error,
        attempt=trial.user_attrs.get(ATTEMPT, 0),
        seconds=seconds,
        retry_of=trial.user_attrs.get(RETRY_OF),
        started=_began(trial),
    )


def _began(trial: FrozenTrial) -> float | None:
    return None if trial.datetime_start is None else trial.datetime_start.timestamp()


def encoded(entry: Record) -> dict[str, Any]:
    """Returns a record as strict JSON, without its params: NaN and infinities become text."""
    metrics = {k: float(v) if math.isfinite(v) else str(v) for k, v in entry.metrics.items()}
    fields = {name: value for name, value in asdict(entry).items() if name != "params"}
    return {**fields, "metrics": metrics}


def decoded(trial: FrozenTrial) -> Record | None:
    """Returns the record of a stored trial; None if it has not ended."""
    stored = trial.user_attrs.get(RECORD)
    if stored is None or not trial.state.is_finished():
        return None
    metrics = {name: float(value) for name, value in stored["metrics"].items()}
    known = {"started": _began(trial), **stored}  # a record of an earlier version does not say when
    return Record(**{**known, "metrics": metrics, "params": trial.user_attrs[PARAMS]})


def records(trials: Sequence[FrozenTrial]) -> list[Record]:
    """Returns the records of all trials that have ended, by number."""
    return [entry for entry in map(decoded, trials) if entry is not None]


def best(entries: Sequence[Record], direction: Direction) -> Record | None:
    """Returns the complete record with the best value, the earliest of equals; None without any."""
    complete = [entry for entry in entries if entry.state == "complete" and entry.value is not None]
    sign = 1.0 if direction == "minimize" else -1.0
    return min(complete, key=lambda e: (sign * (e.value or 0.0), e.number), default=None)
