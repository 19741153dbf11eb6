"""Between what a study says and what MLflow takes: batches are filled, refusals noted.

What MLflow will never take (a run that somebody deleted meanwhile) must not hold up all that comes
after it: it is left out, and the reason is kept for the study to tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from regsearch.tracking.answers import Refused
from regsearch.tracking.direct import Point
from regsearch.tracking.labels import REASON
from regsearch.tracking.names import LONGEST_TAG, key, text
from regsearch.tracking.progress import Progress
from regsearch.tracking.store import MOST_METRICS, Store


class Outbox:
    """Sends to one store.

    Args:
        store: Where to.
        progress: Takes note of what is refused.
    """

    def __init__(self, store: Store, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._points: dict[str, list[Point]] = {}

    def add(self, run: str, metrics: Mapping[str, float], time: int, step: int) -> None:
        """Queues metrics; an infinity would be stored as 1.8e308 and flatten every chart."""
        points = self._points.setdefault(run, [])
        finite = {name: value for name, value in metrics.items() if not math.isinf(value)}
        points += [(key(name), value, time, step) for name, value in finite.items()]
        if len(points) >= MOST_METRICS:
            self.measure(run)

    def measure(self, run: str) -> None:
        """Sends a run's queued metrics."""
        self._send({run: self._points.pop(run, [])})

    def flush(self) -> None:
        """Sends all queued metrics."""
        points, self._points = self._points, {}
        self._send(points)

    def _send(self, points: Mapping[str, list[Point]]) -> None:
        waiting = {run: some for run, some in points.items() if some}
        for error in self._store.measure(waiting) if waiting else ():
            self._progress.refused = str(error)

    def describe(self, run: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Sends params and tags."""
        with self._noting():
            self._store.describe(run, params, tags)

    def attach(self, run: str, files: Mapping[str, bytes]) -> None:
        """Sends files."""
        with self._noting():
            self._store.attach(run, files)

    def resume(self, run: str) -> None:
        """Sets a run's status to RUNNING."""
        with self._noting():
            self._store.resume(run)

    def end(self, run: str, status: str, reason: str, time: int) -> None:
        """Ends a run, after its queued metrics."""
        self.measure(run)
        with self._noting():
            if reason:
                self._store.describe(run, {}, {REASON: text(reason, LONGEST_TAG)})
            self._store.end(run, status, time)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Refused as error:
            self._progress.refused = str(error)
