"""The tracker that writes a study into MLflow without ever waiting for it.

Each call appends a line to a spool on disk; a process beside the study ships the spool in batches.
MLflow may be slow, down or restarted: training does not notice, and what could not be shipped is
shipped by the next session. The study's own process never imports MLflow.

    study ──events──> .regsearch/spool/7 ──batches──> MLflow: one parent run, one child run a trial
"""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.labels import study_id
from regsearch.tracking.names import key
from regsearch.tracking.places import (
    DEFAULT,
    absolute,
    artifact_url,
    local_path,
    server_url,
    shown,
    study_url,
    ui_command,
    view_url,
)
from regsearch.tracking.progress import Progress
from regsearch.tracking.session import Session
from regsearch.tracking.trouble import Trouble
from regsearch.trials import Outcome, Report, Trial

SPOOL = ".regsearch/spool"
LARGE = 1_000_000  # characters

_log = logging.getLogger(__name__)


class MLflowTracker:
    """Writes a study into MLflow: one run for the study, with a child run for each trial.

    A relative SQLite path and the spool's folder are taken from the working directory when the
    study is opened. Nothing is read or written before that.

    Args:
        tracking_uri: MLflow's tracking URI: a database or a server.
        experiment: The MLflow experiment, made if there is none.
        spool: Folder in which reports wait for MLflow.
        patience: How many seconds without progress `close` waits for MLflow.

    Example:
        tracker = MLflowTracker("http://127.0.0.1:5000")
        study.run(tracker=tracker)
        print(tracker.url)
    """

    def __init__(
        self,
        tracking_uri: str = DEFAULT,
        experiment: str = "regsearch",
        *,
        spool: str | Path = SPOOL,
        patience: float = 10.0,
    ) -> None:
        self.tracking_uri = tracking_uri
        self.experiment = experiment
        self._spool = Path(spool)
        self._patience = patience
        self._uri = tracking_uri
        self._study = _unnamed_study()
        self._session: Session | None = None
        self._closed = False
        self._trouble = Trouble()

    def open(self, study: StudyCard) -> None:
        """A study begins or goes on: starts the process that ships it."""
        self.close()
        with self._guarded():
            self._begin(study)

    def _begin(self, study: StudyCard) -> Session:
        self._uri = absolute(self.tracking_uri)
        self._study = study
        self._trouble = Trouble()
        self._closed = False
        root = self._spool.absolute()
        self._session = Session(root, shown(self._uri), self._patience, self._trouble)
        session = uuid.uuid4().hex
        self._session.add(events.opened(session, self._uri, self.experiment, study))
        return self._session

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        with self._guarded():
            self._add(events.started(trial))

    def log(self, report: Report) -> None:
        """A trial has finished a validation epoch."""
        with self._guarded():
            self._add(events.reported(report))

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended."""
        with self._guarded():
            self._add(events.finished(outcome))

    def summarize(self, note: str, files: Mapping[str, str]) -> None:
        """The study has been evaluated: its note and files go to the parent run."""
        with self._guarded():
            fitting = self._fitting(files)
            if fitting or not files:  # a note that comes with a page alone speaks of that page
                self._add(events.summarized(note, fitting))

    def _fitting(self, files: Mapping[str, str]) -> dict[str, str]:
        """Leaves out a page that the spool's disk has no room for: the study's end waits behind it.

        It can be drawn again from what is stored.
        """
        free = shutil.disk_usage(self._spool).free if self._spool.is_dir() else 0
        large = [name for name, content in files.items() if len(content) > LARGE]
        without = [name for name in large if 3 * len(files[name]) > free]
        for name in without:
            _log.warning("%s is not stored: the disk of %s is full.", name, self._spool)
        return {name: content for name, content in files.items() if name not in without}

    def _add(self, event: events.Event) -> None:
        if self._closed:
            return
        session = self._session or self._begin(_unnamed_study())
        session.add(event)

    def close(self) -> None:
        """The study has ended or was interrupted: waits for MLflow while there is progress."""
        if self._session is None:
            return
        self._closed = True
        with self._guarded():
            self._session.close()

    def run_id(self, number: int) -> str | None:
        """Returns MLflow's run id of a trial; None while MLflow has not made one."""
        return None if self._session is None else self._session.progress.runs.get(str(number))

    @property
    def url(self) -> str | None:
        """The link to the charts of the study's trials; None while MLflow has not answered."""
        progress = Progress() if self._session is None else self._session.progress
        if not progress.experiment:
            return None
        study, experiment = self._study, progress.experiment
        if progress.view:
            return view_url(server_url(self._uri), experiment, progress.view)
        ascending = study.direction == "minimize"
        order = key(study.monitor or "loss/total")
        return study_url(self._uri, experiment, study_id(study.name), order, ascending=ascending)

    def place(self, file: str) -> str | None:
        """Returns where people open a file of the study's run; None while there is no run.

        Args:
            file: Its name, such as "report.html".

        Returns:
            Its path where files are on this machine, else its link.
        """
        progress = Progress() if self._session is None else self._session.progress
        if not progress.folder:
            return None
        path = local_path(progress.folder)
        if path is not None:
            return str(path / file)
        server = server_url(self._uri)
        return artifact_url(server, progress.experiment, progress.study, file)

    @property
    def ui_command(self) -> str | None:
        """The shell command that serves `url`; None where a server already does."""
        return ui_command(self._uri)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Keeps errors from the search; says the first one."""
        try:
            yield
        except Exception as error:
            self._trouble.say(
                "event",
                "A tracker must be able to write down what it is told, but got "
                f"{type(error).__name__}: {error}. The study goes on without that entry.",
            )


def _unnamed_study() -> StudyCard:
    """Returns the card of a study nobody has named; every one is a study of its own."""
    return StudyCard(time.strftime("study %Y-%m-%d %H:%M:%S"), "", "minimize", 0)
