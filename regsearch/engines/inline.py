"""The engine for debugging, notebooks and small studies: trials run here, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regsearch.engines.base import guarded
from regsearch.trials import OnReport, Outcome, Train, Trial


@dataclass(frozen=True)
class InlineEngine:
    """Runs every trial in the calling process and thread."""

    def run(self, train: Train, trials: Iterable[Trial], on_report: OnReport) -> Iterator[Outcome]:
        """Yields an outcome for each trial; see `regsearch.engines.base.Engine`."""
        return guarded(train, iter(trials), on_report)
