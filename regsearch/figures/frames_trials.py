"""A trial of a study as one MLflow run and its files tell of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regsearch.figures.data import Weights
from regsearch.figures.frames_runs import StoredRun
from regsearch.tracking.labels import NUMBER, REASON, RETRY_OF
from regsearch.tracking.names import key
from regsearch.trials import INTERRUPTED, LOST

ATTEMPT = "regsearch.attempt"
RUNNING = ("RUNNING", "SCHEDULED")
STATES = {"FINISHED": "complete", "KILLED": "pruned", "FAILED": "failed"}


@dataclass(frozen=True)
class Files:
    """What a trial has written: its reports, and its histograms where it has ended."""

    curve: pd.DataFrame
    weights: Weights


@dataclass(frozen=True)
class StoredTrial:
    """A trial; see `regsearch.figures.rows.Row`."""

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    reason: str
    attempt: int
    retry_of: int | None
    seconds: float
    started: float | None


def number_of(run: StoredRun) -> int:
    """Returns the number of a trial."""
    return int(run.tags[NUMBER])


def is_running(run: StoredRun) -> bool:
    """Tells whether a run, of a trial or a study, goes on."""
    return run.status in RUNNING


def last_attempts(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Returns a run a trial, by number.

    Of a trial's attempts the last one counts. A study that was kept in memory, or whose storage was
    deleted, counts from 0 again when it is started again: what ran before that is left out.

    Args:
        runs: Runs of trials, in any order.
    """
    found: dict[int, StoredRun] = {}
    for run in sorted(runs, key=lambda run: (run.began, number_of(run), _attempt(run))):
        number, before = number_of(run), found.get(number_of(run))
        if number == 0 and before is not None and _attempt(run) == 0:
            found.clear()
        elif before is not None and _attempt(run) < _attempt(before):
            continue
        found[number] = run
    return [found[number] for number in sorted(found)]


def _attempt(run: StoredRun) -> int:
    return int(run.tags.get(ATTEMPT, "0"))


def stored_trial(
    run: StoredRun, params: Mapping[str, Any], curve: pd.DataFrame, monitor: str
) -> StoredTrial:
    """Returns a trial.

    Args:
        run: Its run.
        params: Its params, see `read_params`.
        curve: Its reports.
        monitor: The metric that is optimised.
    """
    tags, state = run.tags, _state(run)
    metrics = dict(run.metrics)
    if len(curve) and not is_running(run):
        last = curve.iloc[-1].drop("step").dropna()
        metrics = {str(name): float(value) for name, value in last.items()}
    value = metrics.get(monitor, run.metrics.get(key(monitor), math.nan))
    ended = run.ended or time.time() * 1000
    retry_of = tags.get(RETRY_OF, "")
    return StoredTrial(
        number=number_of(run),
        state=state,
        value=value if state in ("complete", "pruned") and math.isfinite(value) else None,
        params=params,
        metrics=metrics,
        reason=tags.get(REASON, ""),
        attempt=_attempt(run),
        retry_of=int(retry_of) if retry_of else None,
        seconds=(ended - run.began) / 1000,
        started=run.began / 1000,
    )


def _state(run: StoredRun) -> str:
    if is_running(run):
        return "running"
    if run.tags.get(REASON, "").startswith((LOST, INTERRUPTED)):
        return "failed"  # it was cut short, by nobody's verdict
    return STATES.get(run.status, "failed")


def read_params(runs: Sequence[StoredRun]) -> list[dict[str, Any]]:
    """Returns the trials' params, which MLflow keeps as text: numbers where all of a name are."""
    texts = [dict(run.params) for run in runs]
    for params in texts:
        params.pop("log10_lam", None)
    names = {name for params in texts for name in params}
    kinds = {name: _kind([p[name] for p in texts if name in p]) for name in names - {"penalty"}}
    return [{n: kinds.get(n, str)(text) for n, text in params.items()} for params in texts]


def _kind(texts: Sequence[str]) -> Callable[[str], Any]:
    for kind in (int, float):
        try:
            [kind(text) for text in texts]
        except ValueError:
            continue
        return kind
    return _flag if {"True", "False"}.issuperset(texts) else str


def _flag(text: str) -> bool:
    return text == "True"
