"""What a spool's events amount to so far: the study, its unfinished trials, its best value.

Reading a spool from its start up to any offset gives the same ledger, so a process that takes over
half-shipped events knows all that the one before it knew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from regsearch.tracking.base import StudyCard
from regsearch.tracking.events import Event
from regsearch.trials import Histogram


@dataclass
class OpenTrial:
    """A trial that has started and not ended."""

    number: int
    attempt: int
    params: dict[str, Any]
    started: int
    rows: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    histograms: dict[str, list[tuple[int, Histogram]]] = field(default_factory=dict)


class Ledger:
    """Follows the events of one spool.

    Args:
        best: The study's best value before this spool; None if there is none.
    """

    def __init__(self, best: float | None = None) -> None:
        self.session = ""
        self.study = StudyCard("", "", "minimize", 0)
        self.open: dict[int, OpenTrial] = {}
        self.summarized = False
        self.closed = False
        self.best = best
        self.highest = 0
        self.time = 0

    def starts(self, event: Event) -> bool:
        """Whether a start event is news: the trial, or this attempt of it, is not open yet."""
        trial = self.open.get(event["number"])
        return trial is None or trial.attempt != event["attempt"]

    def note(self, event: Event) -> None:
        """Takes an event in."""
        self.time = event.get("time", self.time)
        match event["kind"]:
            case "open":
                self.session = event["session"]
                self.study = StudyCard(**event["study"])
            case "start" if self.starts(event):
                self.open[event["number"]] = OpenTrial(
                    event["number"], event["attempt"], event["params"], event["time"]
                )
            case "report" if event["number"] in self.open:
                _add(self.open[event["number"]], event)
            case "finish" if event["number"] in self.open:
                del self.open[event["number"]]
                self._rank(event)
            case "summary":
                self.summarized = True
            case "close":
                self.closed = True

    def _rank(self, event: Event) -> None:
        value = event["value"]
        if event["state"] == "complete" and value is not None and math.isfinite(value):
            self.highest = max(self.highest, event["number"])
            better = min if self.study.direction == "minimize" else max
            self.best = value if self.best is None else better(self.best, value)


def _add(trial: OpenTrial, event: Event) -> None:
    trial.rows.append((event["step"], event["metrics"]))
    for name, (counts, limit, zeros) in event["histograms"].items():
        histogram = Histogram(tuple(counts), limit, zeros)
        trial.histograms.setdefault(name, []).append((event["step"], histogram))
