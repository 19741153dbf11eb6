"""What a person sees while a study runs: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from regsearch.search.tally import Tally
from regsearch.tracking.base import Tracker
from regsearch.trials import Outcome, Report, Trial

LINES = 20


def say(console: Console, what: Table | str) -> None:
    """Prints a table, or a line as it is; nothing for an empty one."""
    if what:
        console.print(what, markup=False, highlight=False, soft_wrap=isinstance(what, str))


def shown(console: Console, tally: Tally, n_trials: int) -> Tracker:
    """Returns the tracker that shows progress on a console."""
    return Bar(console, tally, n_trials) if console.is_terminal else Lines(console, tally, n_trials)


class Bar:
    """A tracker that draws a progress bar.

    Args:
        console: Where to draw.
        tally: What has ended so far.
        n_trials: How many trials are wanted.
    """

    def __init__(self, console: Console, tally: Tally, n_trials: int) -> None:
        self._tally = tally
        self._progress = Progress(
            TextColumn("trials"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            refresh_per_second=4,
        )
        self._task = self._progress.add_task(str(tally), total=n_trials, completed=tally.done)
        self._progress.start()

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        self._tally.start(trial)

    def log(self, report: Report) -> None:
        """Shows nothing: a bar moves by trials."""

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended."""
        self._tally.finish(outcome)
        done, words = self._tally.done, str(self._tally)
        self._progress.update(self._task, completed=done, description=words)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._progress.stop()


class Lines:
    """A tracker that prints a line for every twentieth of a study.

    Args:
        console: Where to print.
        tally: What has ended so far.
        n_trials: How many trials are wanted.
    """

    def __init__(self, console: Console, tally: Tally, n_trials: int) -> None:
        self._console = console
        self._tally = tally
        self._n_trials = n_trials
        self._every = math.ceil(n_trials / LINES)
        self._printed = tally.done

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        self._tally.start(trial)

    def log(self, report: Report) -> None:
        """Prints nothing."""

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended."""
        self._tally.finish(outcome)
        if self._tally.done - self._printed >= self._every:
            self._print()

    def close(self) -> None:
        """Prints where the study stands, if that has not been said."""
        if self._tally.done > self._printed:
            self._print()

    def _print(self) -> None:
        self._printed = self._tally.done
        line = f"{self._printed}/{self._n_trials} trials: {self._tally}"
        say(self._console, line)
