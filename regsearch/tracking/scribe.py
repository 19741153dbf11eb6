"""Writes a spool's events into MLflow: the study as a parent run, each trial as its child.

Every step can be done twice with the same result: runs are found again by their tags, metrics carry
their own time, files are replaced. So whatever was not acknowledged is simply written again.
"""

from __future__ import annotations

from collections.abc import Callable

from regsearch.tracking import labels
from regsearch.tracking.events import Event
from regsearch.tracking.files import study_files, trial_files
from regsearch.tracking.ledger import Ledger, OpenTrial
from regsearch.tracking.names import LONGEST_TAG, line, text
from regsearch.tracking.outbox import Outbox
from regsearch.tracking.progress import Progress
from regsearch.tracking.ranking import ranked
from regsearch.tracking.showcase import Showcase
from regsearch.tracking.store import Store, StoredRun

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
INTERRUPTED = "interrupted"
LOST = "lost"


class Scribe:
    """Writes one session of one study.

    Args:
        store: The experiment to write to.
        opening: The spool's first event.
        progress: Takes the run ids, and what MLflow refused.
    """

    def __init__(self, store: Store, opening: Event, progress: Progress) -> None:
        self._store = store
        self._outbox = Outbox(store, progress)
        self._progress = progress
        self._session = str(opening["session"])
        self._study = str(opening["study"]["name"])
        self._known = store.runs(labels.STUDY_ID, labels.study_id(self._study))
        self._runs: dict[str, str] = {}
        for run in self._known:
            self._learn(run)
        progress.experiment = store.experiment
        self._showcase = Showcase(store, progress, self._known)
        self.ledger = Ledger(progress.best)
        self._writers: dict[str, Callable[[Event], None]] = {
            "open": self._open,
            "start": self._start,
            "report": self._report,
            "finish": self._finish,
            "summary": self._summary,
            "close": self._close,
        }

    def _learn(self, run: StoredRun) -> None:
        if run.tags.get(labels.KIND) == "study":
            self._progress.study = run.id
        elif labels.NUMBER in run.tags:
            self._progress.runs[run.tags[labels.NUMBER]] = run.id
            if run.tags.get(labels.SESSION) == self._session:
                self._runs[run.tags[labels.TRIAL_KEY]] = run.id

    def recall(self, event: Event) -> None:
        """Takes in an event that is stored already."""
        self._showcase.note(event)
        self.ledger.note(event)

    def write(self, event: Event) -> None:
        """Stores an event, but for metrics, which wait for `flush`."""
        self._showcase.note(event)
        writer = self._writers.get(event["kind"], self.ledger.note)
        writer(event)

    def flush(self) -> None:
        """Stores the metrics that wait, and shows them."""
        self._outbox.flush()
        self._showcase.refresh(self.ledger.study, self.ledger.time)

    def abandon(self) -> None:
        """Ends what a session that was killed left open."""
        if not self.ledger.closed:
            self._end_all("KILLED", LOST, self.ledger.time)

    def _open(self, event: Event) -> None:
        card = event["study"]
        if self._progress.study:
            self._outbox.resume(self._progress.study)
        else:
            tags = labels.study_tags(self._study, self._session)
            self._progress.study = self._store.create(line(self._study), tags, event["time"])
        self._progress.folder = self._store.folder(self._progress.study)
        self._describe_study(card)
        self._progress.best = self._best_before(card["monitor"], card["direction"])
        self.ledger.best = self._progress.best
        for run in self._known:
            if self._is_stale(run):
                self._outbox.end(run.id, "KILLED", LOST, event["time"])
        self.ledger.note(event)

    def _describe_study(self, card: Event) -> None:
        """Adds what is new; a param cannot change, so a changed fact becomes a tag."""
        run = self._progress.study
        stored = next((known.params for known in self._known if known.id == run), {})
        params = labels.study_params(card)
        tags = {f"regsearch.{k}"[:250]: v for k, v in params.items() if stored.get(k, v) != v}
        tags["regsearch.n_trials"] = str(card["n_trials"])
        if card["note"]:
            tags[labels.NOTE] = text(card["note"], LONGEST_TAG)
        self._outbox.describe(run, {k: v for k, v in params.items() if k not in stored}, tags)

    def _best_before(self, monitor: str, direction: str) -> float | None:
        if not monitor:
            return None
        values = self._store.history(self._progress.study, labels.best_key(monitor))
        return (min if direction == "minimize" else max)(values, default=None)

    def _is_stale(self, run: StoredRun) -> bool:
        is_trial = run.tags.get(labels.KIND) == "trial"
        ours = run.tags.get(labels.SESSION) == self._session
        return is_trial and not ours and run.status == "RUNNING"

    def _start(self, event: Event) -> None:
        if not self.ledger.starts(event):
            return
        before = self.ledger.open.get(event["number"])
        if before is not None:
            self._cut_short(before, LOST, event["time"])
        trial = OpenTrial(event["number"], event["attempt"], event["params"], event["time"])
        params, tags = labels.trial_params(trial.params), labels.start_tags(event)
        self._outbox.describe(self._run(trial), params, tags)
        self.ledger.note(event)

    def _run(self, trial: OpenTrial) -> str:
        """Returns the trial's run; made if there is none."""
        key = labels.trial_key(self._study, trial.number, trial.attempt)
        if key not in self._runs:
            tags = {
                **labels.study_tags(self._study, self._session),
                **labels.trial_tags(trial.number, trial.attempt, trial.params),
                labels.TRIAL_KEY: key,
                "mlflow.parentRunId": self._progress.study,
            }
            name = labels.trial_name(trial.number, trial.params)
            self._runs[key] = self._store.create(name, tags, trial.started)
        self._progress.runs[str(trial.number)] = self._runs[key]
        return self._runs[key]

    def _report(self, event: Event) -> None:
        trial = self.ledger.open.get(event["number"])
        if trial is not None:
            self._outbox.add(self._run(trial), event["metrics"], event["time"], event["step"])
        self.ledger.note(event)

    def _finish(self, event: Event) -> None:
        trial = self.ledger.open.get(event["number"])
        if trial is None:
            return
        run = self._run(trial)
        if not trial.rows:
            self._outbox.add(run, event["metrics"], event["time"], 0)
        self._outbox.attach(run, trial_files(trial, event["error"]))
        self._outbox.end(run, STATUS[event["state"]], event["reason"], event["time"])
        self.ledger.note(event)
        if event["state"] == "complete":
            self._show_best(event["time"])

    def _show_best(self, time: int) -> None:
        """Adds the best value so far; trials may finish out of order, steps may not go back."""
        best, monitor = self.ledger.best, self.ledger.study.monitor
        if best is not None and monitor:
            metrics = {labels.best_key(monitor): best}
            self._outbox.add(self._progress.study, metrics, time, self.ledger.highest)

    def _summary(self, event: Event) -> None:
        run = self._progress.study
        files, tags = ranked(event["files"], self.ledger.study.direction)
        self._outbox.describe(run, {}, {labels.NOTE: text(event["note"], LONGEST_TAG), **tags})
        self._outbox.attach(run, study_files(files))
        self.ledger.note(event)

    def _close(self, event: Event) -> None:
        status = "FINISHED" if self.ledger.summarized else "KILLED"
        self._end_all(status, INTERRUPTED, event["time"])
        self.ledger.note(event)

    def _end_all(self, status: str, reason: str, time: int) -> None:
        """Ends the trials still open for `reason`, and the study with `status`."""
        for trial in self.ledger.open.values():
            self._cut_short(trial, reason, time)
        self._outbox.end(self._progress.study, status, "", time)

    def _cut_short(self, trial: OpenTrial, reason: str, time: int) -> None:
        """Ends a trial that has no outcome; what it reported is kept all the same."""
        run = self._run(trial)
        self._outbox.attach(run, trial_files(trial, ""))
        self._outbox.end(run, "KILLED", reason, time)
