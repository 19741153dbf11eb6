"""What a study says in its record, in markdown: its question before, its findings after."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from optuna.distributions import CategoricalDistribution

from regsearch.search.frames import best_of_each, trials_frame
from regsearch.search.ranges import Strength, numbers
from regsearch.search.records import Record
from regsearch.search.setup import Choices
from regsearch.search.space import Space
from regsearch.search.tables import best_table
from regsearch.tracking.base import StudyCard, StudyTracker
from regsearch.training.task import Task


def card(
    name: str,
    asked: Mapping[str, str],
    task: Task,
    space: Space,
    choices: Choices,
    training: str = "",
) -> StudyCard:
    """Returns what a tracker is told of a study before its trials.

    Args:
        name: The study's name.
        asked: Its fingerprint.
        task: What is trained.
        space: What is tried.
        choices: What may differ from run to run.
        training: How trials are trained and why, in words; "" if nothing was chosen.
    """
    own = {"sampler": _named(choices.sampler), "pruner": _named(choices.pruner)}
    trained = {"training": training} if training else {}
    return StudyCard(
        name=name,
        monitor=task.monitor,
        direction=task.direction,
        n_trials=choices.n_trials,
        params={**asked, **own, **trained, "n_trials": str(choices.n_trials)},
        note=question(task, space),
    )


def _named(choice: object) -> str:
    return choice if isinstance(choice, str) else type(choice).__name__


def question(task: Task, space: Space) -> str:
    """Returns what a study asks, in markdown."""
    extra = [f"- `{name}`: {d}" for name, d in (space.extra or {}).items()]
    ratio = [] if space.ratio is None else [f"- `l1_ratio`: {_range(space.ratio)}"]
    lams = [f"- {kind}: λ {_range(strength)}" for kind, strength in space.strengths.items()]
    baseline = ["- none: λ = 0, the baseline"] if space.baseline else []
    aim = "lowest" if task.direction == "minimize" else "highest"
    return "\n".join(
        [f"Which penalty, and how strong, gives the {aim} `{task.monitor}`?", ""]
        + [*baseline, *lams, *ratio, *extra]
    )


def _range(d: Strength) -> str:
    if isinstance(d, CategoricalDistribution):
        return "in " + ", ".join(f"{value:g}" for value in numbers(d))
    return f"from {d.low:g} to {d.high:g}"


def summarize(
    tracker: StudyTracker,
    name: str,
    task: Task,
    space: Space,
    entries: Sequence[Record],
    stored: str,
) -> None:
    """Gives a tracker the study's note and its table of trials.

    Args:
        tracker: Who writes them down.
        name: The study's name.
        task: What was trained.
        space: What was tried.
        entries: The trials that have ended.
        stored: Where they are.
    """
    extras = list(space.extra or {})
    table = best_table(best_of_each(entries, extras, task.direction), task.monitor)
    text = note(name, question(task, space), table, stored)
    frame = trials_frame(entries, extras)
    tracker.summarize(text, {"trials.csv": frame.to_csv(index=False)})


def note(name: str, asked: str, table: pd.DataFrame, stored: str) -> str:
    """Returns the study's note in markdown.

    Args:
        name: The study's name.
        asked: See `question`.
        table: See `best_table`.
        stored: Where the trials are.
    """
    best = markdown(table) if len(table) else "No trial is complete."
    again = f"`{rerun_command()}`: goes on where this study stands, in `{stored}`."
    return f"# {name}\n\n{asked}\n\n## Best of each kind\n\n{best}\n\n## Run it again\n\n{again}\n"


def markdown(table: pd.DataFrame) -> str:
    """Returns a frame of text as a markdown table."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in rows)


def _escaped(cell: object) -> str:
    return str(cell).replace("|", "\\|")


def rerun_command() -> str:
    """Returns the command this process was started with."""
    main = sys.modules["__main__"]
    spec = main.__spec__
    start = ["-m", spec.name] if spec is not None else [Path(sys.argv[0]).name]
    return shlex.join(["python", *start, *sys.argv[1:]])
