"""What stands in a spool: one event a line, plain enough for another process to ship it next week.

    open · start · report · finish · summary · close

An event holds its own time in milliseconds: a metric that is shipped twice has the same key, value,
time and step both times, and MLflow stores it once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from regsearch.tracking.base import StudyCard
from regsearch.trials import Outcome, Report, Trial

Event = dict[str, Any]


def opened(session: str, uri: str, experiment: str, study: StudyCard) -> Event:
    """The study begins or goes on; first in every spool, so that the rest can be understood."""
    card = {**asdict(study), "params": dict(study.params)}
    return _event("open", session=session, uri=uri, experiment=experiment, study=card)


def started(trial: Trial) -> Event:
    """A trial has been handed out."""
    return _event(
        "start",
        number=trial.number,
        attempt=trial.attempt,
        params=dict(trial.params),
        seed=trial.seed,
        retry_of=trial.retry_of,
    )


def reported(report: Report) -> Event:
    """A trial has finished a validation epoch."""
    histograms = {
        name: [[int(count) for count in h.counts], float(h.limit), int(h.zeros)]
        for name, h in report.histograms.items()
    }
    metrics = {name: float(value) for name, value in report.metrics.items()}
    return _event(
        "report", number=report.trial, step=report.step, metrics=metrics, histograms=histograms
    )


def finished(outcome: Outcome) -> Event:
    """A trial has ended."""
    return _event(
        "finish",
        number=outcome.number,
        state=outcome.state,
        value=None if outcome.value is None else float(outcome.value),
        metrics={name: float(value) for name, value in outcome.metrics.items()},
        error=outcome.error,
        reason=outcome.reason,
    )


def summarized(note: str, files: Mapping[str, str]) -> Event:
    """The study has been evaluated."""
    return _event("summary", note=note, files=dict(files))


def closed() -> Event:
    """The study has ended or was interrupted."""
    return _event("close")


def _event(kind: str, **fields: object) -> Event:
    return {"kind": kind, "time": int(time.time() * 1000), **fields}


def encode(event: Event) -> bytes:
    """Returns the event as one line; values JSON does not know are written as text."""
    return json.dumps(event, default=str, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Event:
    """Returns the event of a line; one of kind "unreadable" if the line is damaged."""
    try:
        event = json.loads(line)
    except ValueError:
        return {"kind": "unreadable"}
    return event if isinstance(event, dict) and "kind" in event else {"kind": "unreadable"}
