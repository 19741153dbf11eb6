"""A study's trials as data frames, and all of it as figures see it."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
import pandas as pd
from optuna.trial import FrozenTrial

from regsearch.figures.data import StudyData
from regsearch.figures.rows import curve_of_one, curves_table, trials_table
from regsearch.search.album import Album
from regsearch.search.records import Record, best, records
from regsearch.search.space import Space
from regsearch.search.verdict import FAR_WORSE
from regsearch.training.task import Task
from regsearch.trials import Direction


def best_of_each(
    entries: Sequence[Record], extras: Sequence[str], direction: Direction
) -> pd.DataFrame:
    """Returns the best complete trial of each kind of penalty, the best kind first."""
    kinds = dict.fromkeys(entry.kind for entry in entries)
    found = [best([e for e in entries if e.kind == kind], direction) for kind in kinds]
    frame = trials_table([entry for entry in found if entry is not None], extras)
    ordered = frame.sort_values(["value", "number"], ascending=[direction == "minimize", True])
    return ordered.reset_index(drop=True)


def study_data(study: optuna.Study, task: Task, space: Space, album: Album) -> StudyData:
    """Returns a study as figures see it.

    Args:
        study: Optuna's view of it.
        task: What was trained.
        space: What was tried.
        album: What its trials reported.
    """
    extras = tuple(space.extra or {})
    trials = study.get_trials(deepcopy=False)
    entries = records(trials)
    curves = {e.number: _curve(album, trials[e.number], task.monitor) for e in entries}
    return StudyData(
        name=study.study_name,
        monitor=task.monitor,
        direction=task.direction,
        trials=trials_table(entries, extras),
        curves=curves_table(curves, task.monitor),
        weights=album.weights,
        extras=extras,
    )


def _curve(album: Album, trial: FrozenTrial, monitor: str) -> pd.DataFrame:
    """Returns a trial's reports; Optuna knows the monitor of those that the album does not hold."""
    points = [(step, v) for step, v in trial.intermediate_values.items() if abs(v) < FAR_WORSE]
    told, kept = curve_of_one(monitor, points), album.curve(trial.number)
    return told if kept is None else pd.concat([told, kept])  # of a step the later row counts
