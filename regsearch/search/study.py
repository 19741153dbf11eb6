"""A study: one question, asked until it has enough trials, in one process after another."""

from __future__ import annotations

import functools
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from rich.console import Console

from regsearch.engines.base import Engine
from regsearch.search import checks
from regsearch.search.album import album_of
from regsearch.search.ending import conclude, store_of
from regsearch.search.failures import FailureRule
from regsearch.search.fingerprint import fingerprint
from regsearch.search.frames import study_data
from regsearch.search.ledger import Ledger, Rules
from regsearch.search.notes import Findings, card
from regsearch.search.placement import placed
from regsearch.search.points import grid
from regsearch.search.progress import say, shown
from regsearch.search.records import best, records
from regsearch.search.result import StudyResult
from regsearch.search.resume import Checkpoints
from regsearch.search.run import run
from regsearch.search.samplers import PrunerChoice, SamplerChoice
from regsearch.search.setup import Choices, set_up
from regsearch.search.signals import Signals
from regsearch.search.space import Space
from regsearch.search.storage import OpenStudy, opened, parsed
from regsearch.search.tables import farewell, places
from regsearch.search.tally import Tally
from regsearch.search.training import Training, check_fusable, examples, settled, training_of
from regsearch.search.watchers import Watchers, of_study
from regsearch.search.weights import KeepBest
from regsearch.tracking.base import StudyTracker, Tracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.training.fused.ladder import Rung
from regsearch.training.task import Task


@dataclass(frozen=True)
class Study:
    """A search over a space of penalties for a task.

    Run again, in this process or another, a study goes on where it stands in its storage, up to
    `n_trials`; with the same seed it finds the same, bit for bit, in one process without a GPU, as
    long as its trials are trained in the same way: say `train="each"` or "fused" to be sure of it.

    Attributes:
        name: Any text of at most 512 characters; what a stored study is found by.
        task: What is trained.
        space: What is tried.
        n_trials: How many trials to go on to; complete and pruned ones count.
        sampler: "auto" (see `regsearch.search.samplers.choose_sampler`), "grid" (every combination
            of the λs given, once) or an Optuna sampler, which keeps its own seed.
        pruner: "auto" (see `regsearch.search.samplers.choose_pruner`), None or an Optuna pruner.
        storage: A database URL as Optuna takes it; None keeps the study in memory, for one run.
        seed: Of the sampler, and of each trial's weights and batches.
        deadline: Seconds without a word, the time between two reports as a rule, after which a
            worker that trains counts as hung: it is ended and replaced, and its trial is lost. None
            is the engine's own default. A trial in this process can be ended by nobody else.
        max_retries: How often a trial that was lost, because a process it needs died or hung, is
            tried again: from its last checkpoint if the task makes any, else from the start. One
            that was cut short by ctrl-C is always tried again.

    Raises:
        ValueError: If an argument cannot be used.

    Example:
        study = Study("digits", Task(module, data, max_epochs=30), Space(), n_trials=40)
        net = study.run().best_module()
    """

    name: str
    task: Task
    space: Space
    n_trials: int
    _: KW_ONLY
    sampler: SamplerChoice = "auto"
    pruner: PrunerChoice = "auto"
    storage: str | None = "sqlite:///regsearch.db"
    seed: int = 0
    deadline: float | None = None
    max_retries: int = 1

    def __post_init__(self) -> None:
        checks.check_name(self.name)
        checks.check_kind("task", self.task, Task, "Task(module, data, max_epochs=30)")
        checks.check_kind("space", self.space, Space, "Space()")
        checks.check_count("n_trials", self.n_trials, 1)
        checks.check_count("seed", self.seed, 0)
        checks.check_count("max_retries", self.max_retries, 0)
        checks.check_deadline(self.deadline)
        checks.check_choice("sampler", self.sampler, ("auto", "grid"), BaseSampler)
        checks.check_choice("pruner", self.pruner, ("auto", None), BasePruner)
        if self.storage is not None:
            parsed(self.storage)
        if self.sampler == "grid":
            grid(self.space)

    def run(
        self,
        *,
        engine: Engine | None = None,
        train: checks.TrainChoice = "auto",
        width: int | Literal["auto"] = "auto",
        tracker: Tracker | None = None,
        progress: bool = True,
    ) -> StudyResult:
        """Goes on to `n_trials`, and returns what was found.

        Args:
            engine: Where trials run; None is a `ProcessEngine` where there are several GPUs or a
                trial needs several devices, and this process otherwise.
            train: "each" trains one trial after another with a Trainer each, "fused" many trials as
                one model, "auto" in the way that a dry run shows to be right and fastest; a train
                function of your own goes as well.
            width: How many trials "fused" trains at once; "auto" is as many as there is memory for,
                up to 32.
            tracker: Who writes the study down; None is an `MLflowTracker`.
            progress: Whether to print progress, and at the end the best trial of each kind.

        Raises:
            TypeError: If the task does not pickle.
            NotFusableError: If trials are to be fused and cannot.
            ValueError: If the engine cannot train a trial on so many devices.
            StorageHeldError: If another process searches in this SQLite file, or in this study of a
                PostgreSQL, MySQL or MariaDB server.
            StorageError: If the storage cannot be opened or written.
            StudyChangedError: If the stored study has another task, space or seed.
            RepeatedFailureError: If trials keep failing.
            KeyboardInterrupt: After ctrl-C, once all is put in order; SystemExit after SIGTERM.
        """
        checks.check_training(train, width)
        size = self.task.devices_per_trial
        engine, choice = placed(engine, devices_per_trial=size, deadline=self.deadline)
        tracker = MLflowTracker() if tracker is None else tracker
        checks.check_kind("tracker", tracker, Tracker, "MLflowTracker()")
        checks.check_safe_loading()
        self.task.check_picklable()
        check_fusable(train, self.task, self.space)
        asked = fingerprint(self.task, self.space, self.seed)
        choices = Choices(self.sampler, self.pruner, self.n_trials, self.seed)
        console = Console(quiet=not progress)
        with opened(self.storage, self.name, self.task.direction) as book:
            set_up(book.study, asked, self.task, self.space, choices)
            rung = self._settled(book, engine, console) if train == "auto" else None
            training = training_of(train, self.task, book.weights, width, rung)
            listener = of_study(tracker)
            listener.open(card(self.name, asked, self.task, self.space, choices, training.words))
            say(console, choice)
            say(console, training.words)
            has_report = self._search(book, listener, engine, training, console)
            result = self._result(book, listener)
        at = places(listener, has_report=has_report)
        for part in farewell(self.name, self.task.monitor, result, at):
            say(console, part)
        say(console, training.farewell)
        return result

    def _settled(self, book: OpenStudy, engine: Engine, console: Console) -> Rung:
        ended = records(book.study.get_trials(deepcopy=False))
        left = self.n_trials - sum(entry.state != "failed" for entry in ended)
        saying = functools.partial(say, console)
        trials = functools.partial(examples, self.space, left, self.seed)
        return settled(book, self.task, trials, left=left, engine=engine, saying=saying)

    def _search(
        self,
        book: OpenStudy,
        tracker: StudyTracker,
        engine: Engine,
        training: Training,
        console: Console,
    ) -> bool:
        """Runs the trials and sums them up; returns whether the tracker was given a report."""
        saying = functools.partial(say, console)
        signals = Signals(saying)
        findings = Findings(self.name, self.task, self.space, book.text, store_of(tracker))
        with signals.handled():
            ledger = Ledger(book.study, self.space, self._rules(), Checkpoints(book.weights))
            lost = ledger.recover()
            before = ledger.records()
            tally = Tally(before, self.task.direction)
            found = best(before, self.task.direction)
            saves = training.saves_weights
            keep = KeepBest(book.weights, self.task.direction, found, expects_weights=saves)
            album = album_of(book.weights)
            album.keep_only({entry.number for entry in before})
            bar = shown(console, tally, self.n_trials)
            with closing(Watchers([bar, keep, album, tracker])) as watchers:
                for outcome in lost:
                    tracker.finish(outcome)
                rule = FailureRule(self.n_trials)
                run(ledger, engine, training.function, watchers, rule, signals)
                data = functools.partial(study_data, book.study, self.task, self.space, album)
                entries = ledger.records()
                return conclude(findings, entries, data, tracker, saying, signals)

    def _rules(self) -> Rules:
        return Rules(
            monitor=self.task.monitor,
            direction=self.task.direction,
            n_trials=self.n_trials,
            seed=self.seed,
            queued_only=self.sampler == "grid",
            max_retries=self.max_retries,
        )

    def _result(self, book: OpenStudy, tracker: StudyTracker) -> StudyResult:
        found = best(records(book.study.get_trials(deepcopy=False)), self.task.direction)
        run_id = None if found is None else tracker.run_id(found.number)
        return StudyResult(
            self.task, self.space, book.study, tracker.url, book.text, book.weights, run_id
        )
