"""What a store tells of runs, in whatever way it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class StoredRun:
    """A run of a study or a trial.

    Attributes:
        run_id: MLflow's id.
        experiment_id: That of its experiment.
        status: MLflow's word for how it ended, or that it has not.
        began: When it began, in milliseconds since the epoch.
        ended: When it ended; None if it has not.
        place: The URI of its files' folder.
        tags: By key.
        params: By key, as text.
        metrics: The last value by key.
    """

    run_id: str
    experiment_id: str
    status: str
    began: int
    ended: int | None
    place: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]


class Runs(Protocol):
    """A tracking store, read only; see `StoredRun`."""

    @property
    def name(self) -> str:
        """The store's URI as people may see it."""
        ...

    @property
    def uri(self) -> str:
        """MLflow's tracking URI, with absolute paths."""
        ...

    def studies(self) -> list[StoredRun]:
        """Returns the runs of all studies, the last one first."""
        ...

    def runs(self, study_id: str) -> list[StoredRun]:
        """Returns the runs of a study and its trials, the oldest first."""
        ...

    def history(self, run: StoredRun, key: str) -> list[tuple[int, float]]:
        """Returns the steps and values of a run's metric."""
        ...
