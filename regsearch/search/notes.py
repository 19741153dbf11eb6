"""What a study says in its record, in markdown: its question before, its findings after."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from regsearch.figures.rows import trials_table
from regsearch.search import markdown
from regsearch.search.commands import report_command, rerun_command
from regsearch.search.fingerprint import described
from regsearch.search.frames import best_of_each
from regsearch.search.records import Record
from regsearch.search.setup import Choices
from regsearch.search.space import Space
from regsearch.search.tables import best_table
from regsearch.tracking.base import StudyCard
from regsearch.tracking.places import DEFAULT
from regsearch.training.task import Task

TABLE = "trials.csv"
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


@dataclass(frozen=True)
class Findings:
    """Says what a study found.

    Attributes:
        name: The study's name.
        task: What was trained.
        space: What was tried.
        stored: Where the trials are, for people.
        uri: The tracking URI of the store that keeps it.
    """

    name: str
    task: Task
    space: Space
    stored: str
    uri: str = DEFAULT

    def note(self, entries: Sequence[Record], *, has_report: bool = False) -> str:
        """Returns the study's note in markdown.

        Args:
            entries: The trials that have ended.
            has_report: Whether `report.html` comes with it.
        """
        best = best_of_each(entries, self._extras, self.task.direction)
        table = best_table(best, self.task.monitor)
        charts = " All charts: `report.html` under Artifacts." if has_report else ""
        text = [
            f"# {markdown.plain(self.name)}",
            question(self.task, self.space),
            "## Best of each kind",
            markdown.table(table) if len(table) else "No trial is complete.",
            _counts(entries) + charts,
            "## Run it again",
            f"{markdown.code(rerun_command())} goes on where this study stands, in "
            f"{markdown.code(self.stored)}. "
            f"{markdown.code(report_command(self.name, self.uri))} draws its report.",
        ]
        return "\n\n".join(text) + "\n"

    def table(self, entries: Sequence[Record]) -> str:
        """Returns the table of trials as CSV."""
        return trials_table(entries, self._extras).to_csv(index=False)

    @property
    def _extras(self) -> list[str]:
        return list(self.space.extra or {})


def _counts(entries: Sequence[Record]) -> str:
    states = [entry.state for entry in entries]
    words = [f"{states.count(state)} {state}" for state in ("complete", "pruned", "failed")]
    return f"{len(states)} trials: {', '.join(words)}."
