"""Studies as MLflow holds them, read back for figures: the only reader of stored results.

One search for the runs, then a small table and the histograms of each trial that has ended; a
metric's history is asked for where there is no table yet: in trials that still run.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import pandas as pd

from regsearch.figures.archives import Shelf, Source, tracked
from regsearch.figures.data import StudyData, Weights
from regsearch.figures.errors import ADVICE, UnknownStudyError, UnreadableStoreError
from regsearch.figures.frames_answers import quick_answers
from regsearch.figures.frames_files import content, source
from regsearch.figures.frames_runs import Runs, StoredRun
from regsearch.figures.frames_tables import Tables, is_known
from regsearch.figures.frames_trials import (
    Files,
    is_running,
    last_attempts,
    number_of,
    read_params,
    stored_trial,
)
from regsearch.figures.rows import curve_of, curve_of_one, curves_table, trials_table
from regsearch.tracking.database import flaw
from regsearch.tracking.files import HISTOGRAMS, METRICS
from regsearch.tracking.labels import KIND, NUMBER, fact, study_id
from regsearch.tracking.names import key
from regsearch.tracking.places import DEFAULT, absolute, database_file

STUDY = "regsearch.study"
OWN_PARAMS = ("penalty", "lam", "l1_ratio")
UNNAMED = "loss/total"  # what stands for the monitor where a tracker was told of no study
READERS = 8  # files of a server are asked for at the same time


def read_study(
    name: str, *, tracking_uri: str = DEFAULT, experiment: str | None = None
) -> StudyData:
    """Returns a study as MLflow holds it; of a trial's attempts the last one.

    Args:
        name: The study's name.
        tracking_uri: MLflow's tracking URI: a database or a server.
        experiment: The MLflow experiment; None is any, the last one that has the study.

    Raises:
        UnknownStudyError: If there is none of this name; the message lists those there are.
        UnreadableStoreError: If the store is not there, does not answer or is of another version.
    """
    return StudyReader(tracking_uri, experiment).read(name)


def study_names(tracking_uri: str = DEFAULT) -> list[str]:
    """Returns the names of the studies in a store, the last one first.

    Raises:
        UnreadableStoreError: If the store is not there, does not answer or is of another version.
    """
    return StudyReader(tracking_uri).names()


class StudyReader:
    """Reads studies from one store, again and again: what has ended is read once.

    Args:
        tracking_uri: MLflow's tracking URI.
        experiment: The MLflow experiment; None is any.

    Raises:
        UnreadableStoreError: If the store is not there, does not answer or is of another version.
    """

    def __init__(self, tracking_uri: str = DEFAULT, experiment: str | None = None) -> None:
        self._store = _store(absolute(tracking_uri), experiment)
        self._ended: dict[str, Files] = {}
        self._shelf = Shelf()

    def names(self) -> list[str]:
        """Returns the names of the studies, the last one first."""
        with quick_answers():
            studies = self._store.studies()
        return list(dict.fromkeys(run.tags[STUDY] for run in studies))

    def read(self, name: str) -> StudyData:
        """Returns a study.

        Raises:
            UnknownStudyError: If there is none of this name.
        """
        return self.read_running(name)[0]

    def read_running(self, name: str) -> tuple[StudyData, bool]:
        """Returns a study, and whether it goes on; what comes after that is not in the data.

        Raises:
            UnknownStudyError: If there is none of this name.
        """
        study, runs = self._runs(name)
        told = functools.partial(fact, study.tags, study.params)
        monitor = told("monitor") or UNNAMED
        with quick_answers(), ThreadPoolExecutor(READERS) as pool:
            files = list(pool.map(functools.partial(self._files, monitor), runs))
        pairs = list(zip(runs, read_params(runs), files, strict=True))
        trials = [stored_trial(run, params, f.curve, monitor) for run, params, f in pairs]
        names = dict.fromkeys(name for trial in trials for name in trial.params)
        extras = tuple(name for name in names if name not in OWN_PARAMS)
        data = StudyData(
            name=name,
            monitor=monitor,
            direction="maximize" if told("direction") == "maximize" else "minimize",
            trials=trials_table(trials, extras),
            curves=curves_table({number_of(run): f.curve for run, _, f in pairs}, monitor),
            weights={number_of(run): f.weights for run, _, f in pairs if f.weights},
            extras=extras,
        )
        return data, is_running(study)

    def _runs(self, name: str) -> tuple[StoredRun, list[StoredRun]]:
        """Returns a study's run and those of its trials."""
        with quick_answers():
            found = self._store.runs(study_id(name))
        studies = [run for run in found if run.tags.get(KIND) == "study"]
        if not studies:
            raise UnknownStudyError(self._unknown(name))
        study = studies[-1]
        children = [
            run for run in found if NUMBER in run.tags and run.experiment_id == study.experiment_id
        ]
        return study, last_attempts(children)

    def _unknown(self, name: str) -> str:
        known = ", ".join(map(repr, self.names()))
        return (
            f"The study must be one of those in {self._store.name}, but got {name!r}. "
            f"{f'Known are: {known}' if known else 'There is none yet'}."
        )

    def _files(self, monitor: str, run: StoredRun) -> Files:
        if run.run_id not in self._ended:
            files = self._read_files(monitor, run)
            if is_running(run):
                return files
            self._ended[run.run_id] = files
        return self._ended[run.run_id]

    def _read_files(self, monitor: str, run: StoredRun) -> Files:
        uri = self._store.uri
        reported = None if is_running(run) else _curve(content(run, METRICS, uri))
        if reported is None:
            history = self._store.history(run, key(monitor))
            return Files(curve_of_one(monitor, history), {})
        return Files(reported, _weights(source(run, HISTOGRAMS, uri), self._shelf))


def _store(uri: str, experiment: str | None) -> Runs:
    """Opens a store in the quickest way that knows it."""
    file = database_file(uri)
    wrong = "" if file is None else flaw(file)
    if wrong:  # before MLflow makes it one
        raise UnreadableStoreError(f"{wrong} {ADVICE}")
    if file is not None and is_known(file):
        return Tables(file, uri, experiment)
    from regsearch.figures.frames_store import MlflowRuns  # imports MLflow, which takes seconds

    return MlflowRuns(uri, experiment)


# A file may be missing, or cut short on its way; what else is known of the trial is drawn.


def _curve(table: bytes) -> pd.DataFrame | None:
    try:
        return curve_of(table.decode()) if table else None
    except ValueError:
        return None


def _weights(archive: Source, shelf: Shelf) -> Weights:
    try:
        return tracked(archive, shelf) if archive else {}
    except (OSError, ValueError):
        return {}
