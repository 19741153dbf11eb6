"""All figures of a study, by name, in the order in which a reader meets them.

A figure is a function of a study's data; a row here gives it a title and says how to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from plotly.graph_objects import Figure

from regsearch.figures.contour import contour
from regsearch.figures.curves import curves, gap
from regsearch.figures.data import StudyData
from regsearch.figures.history import history
from regsearch.figures.importance import importance
from regsearch.figures.parallel import parallel
from regsearch.figures.path import path
from regsearch.figures.savings import savings
from regsearch.figures.sparsity import sparsity_by_epoch, sparsity_by_layer
from regsearch.figures.theme import MUTED, folded
from regsearch.figures.timeline import timeline
from regsearch.figures.tradeoff import tradeoff
from regsearch.figures.validation import validation
from regsearch.figures.weights import weights_by_epoch, weights_by_lambda

Section = Literal["answer", "search", "training", "weights", "time"]


@dataclass(frozen=True)
class View:
    """One figure of a study and the words that go with it.

    Attributes:
        key: Its name in code and in the page's addresses: letters, digits, underscores.
        title: What it shows, in plain words.
        caption: How to read it, in one line.
        draw: The figure of a study's data; an empty one that says why where there is nothing.
        section: The part of the page in which it stands.
        is_wide: Whether it needs a page's whole width.
        least_width: So many pixels it must have; in a narrower window it can be scrolled.
    """

    key: str
    title: str
    caption: str
    draw: Callable[[StudyData], Figure]
    section: Section = "answer"
    is_wide: bool = False
    least_width: int = 0


@dataclass(frozen=True)
class Widget:
    """A part of a page that is more than one Plotly figure, such as charts with a slider.

    Attributes:
        key: As a view's.
        title: As a view's.
        caption: As a view's.
        html: An HTML fragment with its own script for the studies of a page; "" where there is
            nothing to show. It may use the page's global `Plotly`.
    """

    key: str
    title: str
    caption: str
    html: Callable[[Sequence[StudyData]], str]


SECTIONS: dict[Section, str] = {
    "answer": "The answer",
    "search": "The search",
    "training": "The training",
    "weights": "The weights",
    "time": "The time",
}

VIEWS: tuple[View, ...] = (
    View(
        "validation",
        "How strong should the penalty be?",
        "A point is a trial, a line is a kind's validation curve and ◆ its best λ. To the left the "
        "model overfits, to the right it underfits.",
        validation,
    ),
    View(
        "tradeoff",
        "What do zeros cost?",
        "Farther right is sparser. The line joins the trials that no other trial beats in both "
        "zeros and value.",
        tradeoff,
    ),
    View(
        "history",
        "How did the search go?",
        "A point is a trial, hollow if it was stopped early. The line is the best value so far.",
        history,
        "search",
    ),
    View(
        "importance",
        "What mattered most?",
        "The longer the bar, the more that setting tells the best trials from the others.",
        importance,
        "search",
    ),
    View(
        "parallel",
        "Which settings go with good values?",
        "A line is a trial, from its settings on the left to its value on the right. The best "
        "tenth is drawn strong.",
        parallel,
        "search",
        is_wide=True,
        least_width=680,
    ),
    View(
        "contour",
        "How do λ and l1_ratio work together?",
        "Brighter is better, ★ is the best trial. Blank where nothing was tried.",
        contour,
        "search",
        is_wide=True,
    ),
    View(
        "curves",
        "How did the best trials learn?",
        "Solid lines are validation, dotted ones training, of each penalty's best trial. All "
        "others are faint.",
        curves,
        "training",
    ),
    View(
        "gap",
        "How much do they overfit?",
        "Validation minus training. The higher, the more a trial has learned by heart.",
        gap,
        "training",
    ),
    View(
        "sparsity_by_epoch",
        "When do weights become zero?",
        "The share of weights that are exactly zero after each validation epoch. Each penalty's "
        "best trial is strong.",
        sparsity_by_epoch,
        "weights",
    ),
    View(
        "sparsity_by_layer",
        "Where are the zeros?",
        "A row is a layer, a mark is the best trial of a penalty. Farther right, more of the layer "
        "is zero.",
        sparsity_by_layer,
        "weights",
    ),
    View(
        "path",
        "What does a stronger penalty do to each layer?",
        "The regularization path: a layer's weight norm as λ grows. 100% is its norm without a "
        "penalty.",
        path,
        "weights",
        is_wide=True,
    ),
    View(
        "timeline",
        "What was trained when?",
        "A bar is a trial, a lane is one trial at a time. Striped bars were stopped early, blanks "
        "are idle.",
        timeline,
        "time",
    ),
    View(
        "savings",
        "What did pruning save?",
        "The height is how many trials were still training. What is blank below the dashed line "
        "was saved.",
        savings,
        "time",
    ),
)


# On a page the widget of the weights stands for these.
STILLS: tuple[View, ...] = (
    View(
        "weights_by_lambda",
        "What do the weights look like as the penalty grows?",
        "A lane is a trial, the weakest penalty at the bottom. Exact zeros are the share at the "
        "right.",
        weights_by_lambda,
        "weights",
        is_wide=True,
    ),
    View(
        "weights_by_epoch",
        "How did the best trial's weights come about?",
        "A lane is a validation epoch, the last one at the bottom. Exact zeros are the share at "
        "the right.",
        weights_by_epoch,
        "weights",
        is_wide=True,
    ),
)

_TITLE_ROOM, _LINE_ROOM = 102, 17  # pixels, two rows of legend among them


def figures_of(data: StudyData) -> dict[str, Figure]:
    """Returns every figure of a study by its key, with its title and caption on it."""
    views = (*VIEWS, *STILLS)
    return {view.key: titled(view.draw(data), view.title, view.caption) for view in views}


def titled(figure: Figure, title: str, caption: str) -> Figure:
    """Returns the figure with what a page writes above it, above its legend."""
    lines = folded(caption, 90)
    room = _TITLE_ROOM + _LINE_ROOM * len(lines)
    words = {"text": "<br>".join(lines), "font": {"size": 12, "color": MUTED}}
    return figure.update_layout(
        title={
            "text": f"<b>{title}</b>",
            "font": {"size": 16},
            "subtitle": words,
            "x": 0,
            "xref": "paper",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 14},
        },
        height=(figure.layout.height or 0) + room,
        margin={"t": (figure.layout.margin.t or 0) + room},
    )
