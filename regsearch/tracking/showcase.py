"""Keeps a study's saved views in step with what its trials tell: new layers, params, metrics.

The views are laid out anew whenever something was shipped, which costs a millisecond, and written
when they came out different. They are an extra: nothing that goes wrong here holds up a study.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from regsearch.tracking import labels
from regsearch.tracking.answers import Unreachable
from regsearch.tracking.base import StudyCard
from regsearch.tracking.progress import Progress
from regsearch.tracking.saved_views import TAG, install
from regsearch.tracking.store import Store, StoredRun
from regsearch.tracking.views import View, overview_id, views_of
from regsearch.tracking.vocabulary import Vocabulary

LAYER = "weight_norm/"


class Showcase:
    """Follows one study.

    Args:
        store: Where the views are shown.
        progress: Takes the Overview's id, and why there is none.
        known: What is stored of the study already: its earlier trials count as well.
    """

    def __init__(self, store: Store, progress: Progress, known: Iterable[StoredRun]) -> None:
        self._store = store
        self._progress = progress
        self._seen = Vocabulary()
        self._shown: tuple[View, ...] = ()
        for run in known:
            if run.tags.get(labels.KIND) == "trial":
                self._recall(run)

    def _recall(self, run: StoredRun) -> None:
        params = {name: value for name, value in run.params.items() if name != labels.LOG_LAM}
        norms = [name.removeprefix(LAYER) for name in run.metrics if name.startswith(LAYER)]
        layers = [name for name in norms if f"sparsity/{name}" in run.metrics]
        self.note({"kind": "start", "params": params})
        found = {"metrics": run.metrics, "histograms": sorted(layers, key=_natural)}
        self.note({"kind": "report", **found})

    def note(self, event: Mapping[str, Any]) -> None:
        """Takes in an event; one that is damaged tells nothing."""
        try:
            self._seen.note(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            traceback.print_exc()

    def refresh(self, study: StudyCard, time: int) -> None:
        """Brings the views up to date.

        Args:
            study: What was asked.
            time: Now, in milliseconds.

        Raises:
            Unreachable: If the store did not answer.
        """
        views = views_of(study, self._seen)
        if not self._seen.metrics or views == self._shown:
            return
        try:
            self._progress.remark = install(self._store, views, time)
            is_there = TAG + overview_id(study.name) in self._store.tags()
            self._progress.view = overview_id(study.name) if is_there else ""
        except Unreachable:
            raise
        except Exception as error:
            traceback.print_exception(error)
            self._progress.remark = f"{type(error).__name__}: {error}"
        self._shown = views


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts `net.10` after `net.9`."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
