"""Trackers that keep a study from ending; in a file that imports no MLflow, as its process does."""

from __future__ import annotations

import time
from pathlib import Path

from regsearch.tracking.memory import MemoryTracker
from regsearch.trials import Outcome


class SlowToFinish(MemoryTracker):
    """Takes for ever to write down an outcome of the kind that a clean-up gives."""

    def finish(self, outcome: Outcome) -> None:
        if outcome.state == "failed":
            Path("cleaning").touch()
            time.sleep(600)


class SlowToClose(MemoryTracker):
    """Takes for ever to close."""

    def close(self) -> None:
        Path("cleaning").touch()
        time.sleep(600)
