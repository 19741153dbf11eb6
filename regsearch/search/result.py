"""What a study found: its best trial, the table of all of them, and the trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import torch

from regsearch.figures.data import StudyData
from regsearch.figures.page_file import write_page
from regsearch.figures.rows import trials_table
from regsearch.penalties import Penalty
from regsearch.search.album import album_of
from regsearch.search.checks import check_safe_loading
from regsearch.search.frames import best_of_each, study_data
from regsearch.search.records import Record, best, records
from regsearch.search.reporting import figures_of, html_of
from regsearch.search.space import Space
from regsearch.search.weights import SHARE, weights_file
from regsearch.training.task import Task


@dataclass(frozen=True)
class Best:
    """The best complete trial.

    Attributes:
        number: Its number in the study.
        params: What was trained.
        penalty: The penalty itself, ready for `regularize`.
        value: The monitored metric at its end.
        metrics: All metrics at its end.
        run_id: The tracking store's id of it; None without one.
    """

    number: int
    params: Mapping[str, Any]
    penalty: Penalty
    value: float
    metrics: Mapping[str, float]
    run_id: str | None


@dataclass(frozen=True)
class StudyResult:
    """A study as it stands after a run.

    Attributes:
        task: What was trained.
        space: What was searched.
        optuna_study: Optuna's own view of it.
        url: Where people look at it; None if nowhere.
        storage: Where the trials are stored.
        weights: The folder of the study's files: the best trial's weights, and the album, what all
            trials reported.
        run_id: The tracking store's id of the best trial; None without one.
    """

    task: Task
    space: Space
    optuna_study: optuna.Study
    url: str | None
    storage: str
    weights: Path
    run_id: str | None = None

    @cached_property
    def records(self) -> list[Record]:
        """The trials that have ended, by number."""
        return records(self.optuna_study.get_trials(deepcopy=False))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial, see `regsearch.figures.rows.trials_table`."""
        return trials_table(self.records, list(self.space.extra or {}))

    @cached_property
    def best_of_each_kind(self) -> pd.DataFrame:
        """The best complete trial of each kind of penalty, the best kind first."""
        return best_of_each(self.records, list(self.space.extra or {}), self.task.direction)

    @cached_property
    def data(self) -> StudyData:
        """Trials, curves and weights in the form that figures are drawn from."""
        return study_data(self.optuna_study, self.task, self.space, album_of(self.weights))

    def figures(self) -> dict[str, Any]:
        """Returns the figures of the study by name, each a Plotly figure.

        Example:
            result.figures()["path"].show()
        """
        return figures_of(self.data)

    def report(self, path: str | Path) -> Path:
        """Writes the study's report: one HTML file that needs nothing but a browser.

        Args:
            path: Where to; `.html` is added if it does not end so, and folders are made. In a
                folder that is there, the file is `report.html`.

        Returns:
            The file.

        Raises:
            OSError: If it cannot be written there.
        """
        return write_page(html_of(self.data), path)

    @property
    def best(self) -> Best:
        """The complete trial with the best value, the earliest of equals.

        Raises:
            ValueError: If no trial is complete.
        """
        found = best(self.records, self.task.direction)
        if found is None or found.value is None:
            raise ValueError(
                "A study must have a complete trial to have a best one, but this one has "
                f"{self._states()}. The column `reason` of `result.trials` says why."
            )
        penalty = self.space.penalty(found.params)
        run_id = self.run_id
        return Best(found.number, found.params, penalty, found.value, found.metrics, run_id)

    def best_module(self) -> Any:
        """Returns the task's module for the best trial, with the weights it was trained to.

        Raises:
            ValueError: If no trial is complete.
            FileNotFoundError: If the weights are gone, or were saved on another machine.
        """
        found = self.best
        check_safe_loading()
        file = weights_file(self.weights, found.number)
        if not file.exists():
            raise FileNotFoundError(
                f"The weights of trial {found.number} must be in {file}, but are not. {SHARE} Or "
                "train them again: Task.module(result.best.params) with result.best.penalty."
            )
        module = self.task.module(found.params)
        module.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        return module

    def _states(self) -> str:
        counts = self.trials["state"].value_counts()
        return ", ".join(f"{n} {state}" for state, n in counts.items()) or "no trials"
