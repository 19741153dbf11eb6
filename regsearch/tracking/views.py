"""The saved views of a study's page in MLflow: which charts it opens on, which columns it lists.

MLflow opens an experiment on a list without columns, and knows nothing of λ. A saved view is a
state of that page under a name; here are the four that answer the questions people have:

    <study> · Overview     how does the monitor depend on λ, the penalty and the zeros it makes?
    <study> · Weights      what happens to the weights, layer by layer?
    <study> · Ranking      which trials are best? Sorted, with the columns that matter
    Compare studies        one line a study
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regsearch.ridges.bins import evenly
from regsearch.tracking import charts
from regsearch.tracking.base import StudyCard
from regsearch.tracking.charts import Section
from regsearch.tracking.labels import best_key, study_id
from regsearch.tracking.names import checksum, key, line
from regsearch.tracking.page_state import ZEROS, Subject, page_state
from regsearch.tracking.vocabulary import QUANTILES, Vocabulary

MOST_LAYERS = 12
LONGEST_NAME = 60
PREFIX = "regsearch-"
NEAR_ZEROS = "near_zero/all"
DATA, PENALTY = "loss/data", "loss/penalty"


@dataclass(frozen=True)
class View:
    """A state of the page under a name.

    Attributes:
        id: What links call it.
        name: What people read in the menu.
        state: The page's state, in MLflow's words.
    """

    id: str
    name: str
    state: Mapping[str, Any]


def views_of(study: StudyCard, seen: Vocabulary) -> tuple[View, ...]:
    """Returns a study's views, the first one first.

    Args:
        study: What was asked.
        seen: The names its trials have told of so far.
    """
    subject = Subject(study, seen)
    title, prefix = line(study.name)[:LONGEST_NAME], PREFIX + study_id(study.name)
    every = f"{PREFIX}compare-{checksum(f'{study.monitor} {study.direction}', 8)}"
    goal = subject.goal[:LONGEST_NAME]
    return (
        View(overview_id(study.name), f"{title} · Overview", _overview(subject)),
        View(f"{prefix}-weights", f"{title} · Weights", _weights(subject)),
        View(f"{prefix}-ranking", f"{title} · Ranking", _ranking(subject)),
        View(every, f"Compare studies · {goal}", _comparison(subject)),
    )


def overview_id(study: str) -> str:
    """Returns the id of a study's Overview."""
    return f"{PREFIX}{study_id(study)}-overview"


def _overview(subject: Subject) -> dict[str, Any]:
    seen = subject.seen
    monitor, zeros = charts.metric(subject.goal), charts.metric(ZEROS)
    strength, ratio = charts.param("log10_lam"), charts.param("l1_ratio")
    # MLflow leaves out a run that lacks one of the values: l1_ratio would leave elastic nets alone.
    tuned = [name for name in seen.extras if seen.params[name] == seen.params.get("lam")]
    cards = [
        charts.scatter(strength, monitor),
        charts.scatter(zeros, monitor),
        charts.parallel(["penalty", "log10_lam", *tuned], [ZEROS, subject.goal]),
    ]
    if "l1_ratio" in seen.params:
        cards.append(charts.contour(strength, ratio, monitor))
    names = [subject.goal, *subject.others, DATA, PENALTY, ZEROS, NEAR_ZEROS]
    curves = tuple(subject.curve(name) for name in names if name in seen.metrics)
    sections = (
        Section("λ, penalty and zeros: a colour a penalty", tuple(cards)),
        Section("Losses and sparsity by validation epoch", curves),
    )
    return page_state(subject, subject.goal, sections)


def _weights(subject: Subject) -> dict[str, Any]:
    every = list(subject.seen.layers)
    layers = picked(every, MOST_LAYERS)
    which = f" ({len(layers)} of {len(every)} layers)" if len(layers) < len(every) else ""
    quantiles = [charts.lines([key(f"{q}/{layer}") for q in QUANTILES]) for layer in layers]
    zeros = [charts.lines([key(f"sparsity/{layer}")]) for layer in layers]
    norms = [charts.lines([key(f"weight_norm/{layer}")]) for layer in layers]
    sections = (
        Section(f"Weights: median, quarters, 5 % tails{which}", tuple(quantiles), columns=3),
        Section(f"Exact zeros by layer{which}", tuple(zeros), columns=3, height=300),
        Section(f"Norms by layer{which}", tuple(norms), columns=3, height=300),
    )
    return {**page_state(subject, subject.goal, sections), "runsHiddenMode": "FIRST_10_RUNS"}


def picked(layers: Sequence[str], most: int) -> list[str]:
    """Returns at most so many layers, the first and the last among them.

    Example:
        >>> picked(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    return [layers[i] for i in evenly(len(layers), most)]


def _ranking(subject: Subject) -> dict[str, Any]:
    sections = (
        Section("Best first", (charts.bars(subject.goal), charts.bars(ZEROS)), height=480),
        Section("What differs", (charts.differences(),), columns=1, height=480),
    )
    state = page_state(subject, subject.goal, sections)
    complete = f"{state['searchFilter']} and attributes.status = 'FINISHED'"
    return {**state, "searchFilter": complete, "runsHiddenMode": "FIRST_20_RUNS"}


def _comparison(subject: Subject) -> dict[str, Any]:
    """Returns the state that groups runs by study; a study's own run has the best so far."""
    best = best_key(subject.study.monitor or "loss/total")
    names = [subject.goal, DATA, ZEROS, PENALTY]
    sections = (
        Section("Best so far, by the trial's number", (charts.lines([best]), charts.bars(best))),
        Section("Mean and range by validation epoch", tuple(map(subject.curve, names))),
    )
    studies = [{"mode": "tag", "groupByData": "regsearch.study"}]
    return {
        **page_state(subject, best, sections),
        "searchFilter": "tags.`regsearch.study_id` != ''",
        "groupBy": {"aggregateFunction": "average", "groupByKeys": studies},
    }
