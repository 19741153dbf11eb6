"""What a study says in its record, in markdown: its question before, its findings after."""

from __future__ import annotations

import html
import inspect
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from regsearch.figures.rows import trials_table
from regsearch.search import markdown
from regsearch.search.fingerprint import described
from regsearch.search.frames import best_of_each
from regsearch.search.records import Record
from regsearch.search.setup import Choices
from regsearch.search.space import Space
from regsearch.search.tables import best_table
from regsearch.tracking.base import StudyCard
from regsearch.training.task import Task

LONGEST = 1000  # characters of a file's docstring


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
    """Returns what a study asks, in markdown: the question, the space and the data."""
    extra = [f"- {markdown.code(name)}: {_range(d)}" for name, d in (space.extra or {}).items()]
    ratio = [] if space.ratio is None else [f"- `l1_ratio`: {_range(space.ratio)}"]
    lams = [f"- {kind}: λ {_range(strength)}" for kind, strength in space.strengths.items()]
    baseline = ["- none: λ = 0, the baseline"] if space.baseline else []
    aim = "lowest" if task.direction == "minimize" else "highest"
    return "\n".join(
        [f"Which penalty, and how strong, gives the {aim} {markdown.code(task.monitor)}?", ""]
        + [*baseline, *lams, *ratio, *extra]
        + ["", *_trained(task)]
    )


def _range(d: BaseDistribution) -> str:
    match d:
        case CategoricalDistribution():
            return "in " + ", ".join(markdown.plain(_short(choice)) for choice in d.choices)
        case FloatDistribution() | IntDistribution():
            return f"from {d.low:g} to {d.high:g}{', log-uniform' if d.log else ''}"
        case _:
            raise AssertionError(d)


def _short(choice: object) -> str:
    is_number = isinstance(choice, int | float) and not isinstance(choice, bool)
    return f"{choice:g}" if is_number else str(choice)


def _trained(task: Task) -> list[str]:
    """Says what is trained on what, and what the file that defines the data says of itself."""
    model, data = markdown.code(described(task.module)), markdown.code(described(task.data))
    line = f"Model: {model}, data: {data}, at most {task.max_epochs} epochs a trial."
    module = inspect.getmodule(task.data)
    words = _prose(inspect.getdoc(module) or "") if module is not None else ""
    return [line, "", *(f"> {paragraph}" for paragraph in words.splitlines())]


def _prose(docstring: str) -> str:
    """Returns a docstring up to its first indented block, as text that holds no HTML."""
    prose = re.split(r"\n\s*\n[ \t]+", docstring)[0].strip()
    cut = prose if len(prose) <= LONGEST else f"{prose[: LONGEST - 1]}…"
    return html.escape(cut, quote=False)


def findings(
    name: str,
    task: Task,
    space: Space,
    entries: Sequence[Record],
    stored: str,
    *,
    has_report: bool = False,
) -> tuple[str, dict[str, str]]:
    """Returns a study's note in markdown, and its table of trials by file name.

    Args:
        name: The study's name.
        task: What was trained.
        space: What was tried.
        entries: The trials that have ended.
        stored: Where they are.
        has_report: Whether `report.html` comes with it.
    """
    extras = list(space.extra or {})
    table = best_table(best_of_each(entries, extras, task.direction), task.monitor)
    best = markdown.table(table) if len(table) else "No trial is complete."
    text = [
        f"# {markdown.plain(name)}",
        question(task, space),
        "## Best of each kind",
        best,
        _counts(entries) + (" All charts: `report.html` under Artifacts." if has_report else ""),
        "## Run it again",
        f"{markdown.code(rerun_command())} goes on where this study stands, in "
        f"{markdown.code(stored)}. {markdown.code(report_command(name))} draws its report.",
    ]
    csv = trials_table(entries, extras).to_csv(index=False)
    return "\n\n".join(text) + "\n", {"trials.csv": csv}


def _counts(entries: Sequence[Record]) -> str:
    states = [entry.state for entry in entries]
    words = [f"{states.count(state)} {state}" for state in ("complete", "pruned", "failed")]
    return f"{len(states)} trials: {', '.join(words)}."


def rerun_command() -> str:
    """Returns the command this process was started with."""
    main = sys.modules["__main__"]
    spec = main.__spec__
    start = ["-m", spec.name] if spec is not None else [Path(sys.argv[0]).name]
    return shlex.join(["python", *start, *sys.argv[1:]])


def report_command(name: str) -> str:
    """Returns the command that draws a study's report."""
    return shlex.join(["regsearch", "report", *(["--"] if name.startswith("-") else []), name])
