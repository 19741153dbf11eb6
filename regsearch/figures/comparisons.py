"""All figures of several studies, in the order in which a reader meets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plotly.graph_objects import Figure

from regsearch.figures import comparison, overlays
from regsearch.figures.data import StudyData


@dataclass(frozen=True)
class Comparison:
    """One figure of several studies and the words that go with it; its attributes are a view's."""

    key: str
    title: str
    caption: str
    draw: Callable[[Sequence[StudyData]], Figure]
    is_wide: bool = False
    least_width: int = 0


COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "best_values",
        "Which study found the best?",
        "The best setting of each study, and how far other seeds or folds would move it.",
        comparison.best_values,
    ),
    Comparison(
        "best_by_kind",
        "Does the same penalty win everywhere?",
        "A row is a kind of penalty, a mark is a study's best trial of that kind.",
        comparison.best_by_kind,
    ),
    Comparison(
        "strengths",
        "Does the same strength win everywhere?",
        "A point is a trial, a line is the validation curve of a study's best kind of penalty.",
        overlays.strengths,
    ),
    Comparison(
        "fronts",
        "What do zeros cost in each?",
        "A line joins a study's trials that no other trial of it beats in both zeros and value.",
        overlays.fronts,
    ),
    Comparison(
        "histories",
        "Which search was faster?",
        "The best value so far of each study, by how many trials it had begun.",
        comparison.histories,
    ),
    Comparison(
        "learning",
        "How did their best trials learn?",
        "The validation curve of each study's best trial.",
        comparison.learning,
    ),
)
