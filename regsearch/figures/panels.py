"""The parts of a page as HTML: figures, widgets and tables, each in a card with its caption.

A figure's card holds its place alone; what is drawn there stands once, as JSON, at the page's end.
"""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from plotly.graph_objects import Figure

from regsearch.figures.cards import Card
from regsearch.figures.comparisons import COMPARISONS, Comparison
from regsearch.figures.data import StudyData
from regsearch.figures.gallery import VIEWS, View, Widget
from regsearch.figures.labels import plain
from regsearch.figures.leaderboard import leaderboard, note
from regsearch.figures.theme import nothing, tint


@dataclass(frozen=True)
class Panel:
    """A drawn figure and its place on a page.

    Attributes:
        key: Its name on the page.
        view: The words that go with it.
        figure: What is drawn.
        section: The part of a study's page in which it stands.
    """

    key: str
    view: View | Comparison
    figure: Figure
    section: str = ""


def panels_of(data: StudyData, prefix: str = "") -> list[Panel]:
    """Returns all figures of a study, drawn."""
    return [
        Panel(prefix + view.key, view, _drawn(view.title, partial(view.draw, data)), view.section)
        for view in VIEWS
    ]


def comparison_panels(studies: Sequence[StudyData]) -> list[Panel]:
    """Returns all figures of several studies, drawn."""
    return [
        Panel(view.key, view, _drawn(view.title, partial(view.draw, studies)))
        for view in COMPARISONS
    ]


def _drawn(title: str, draw: Callable[[], Figure]) -> Figure:
    """Returns a figure; one that says so where drawing failed, since the others are still good."""
    try:
        return draw()
    except Exception as error:
        warnings.warn(f"The figure {title!r} could not be drawn: {error!r}.", stacklevel=2)
        return nothing(f"This figure could not be drawn: {plain(repr(error))}")


def figure_card(panel: Panel) -> str:
    """Returns the place of a figure, as high as it will be, so that nothing moves later."""
    view = panel.view
    size = f"height:{panel.figure.layout.height:g}px;min-width:{view.least_width}px"
    name = f'id="{panel.key}" data-figure="{panel.key}" aria-label="{html.escape(view.title)}"'
    place = f'<div class="figure" role="figure" {name} style="{size}"></div>'
    inner = f'<div class="scroll">{place}</div>'
    return _card(view.title, view.caption, inner, is_wide=view.is_wide)


def table_card(data: StudyData) -> str:
    """Returns the ranked table of a study; "" if no trial is complete."""
    table = leaderboard(data)
    if not table:
        return ""
    caption = f"Complete trials, the best first; each penalty's best is bold.{note(data)}"
    inner = f'<div class="table" tabindex="0">{table}</div>'
    return _card("Which trials were best?", caption, inner, is_wide=True)


def widget_card(widget: Widget, studies: Sequence[StudyData]) -> str:
    """Returns a widget in its card; "" if it has nothing to show."""
    try:
        fragment = widget.html(studies)
    except Exception as error:
        warnings.warn(f"{widget.title!r} could not be drawn: {error!r}.", stacklevel=2)
        fragment = f"<p>This part could not be drawn: {html.escape(repr(error))}</p>"
    return _card(widget.title, widget.caption, fragment, is_wide=True) if fragment else ""


def _card(title: str, caption: str, inner: str, *, is_wide: bool) -> str:
    return (
        f'<section class="card{" wide" if is_wide else ""}"><h3>{html.escape(title)}</h3>'
        f"<p>{html.escape(caption)}</p>{inner}</section>"
    )


def number_cards(cards: Iterable[Card]) -> str:
    """Returns the numbers at the top of a page or a study."""
    return f'<div class="cards">{"".join(map(_number_card, cards))}</div>'


def _number_card(card: Card) -> str:
    edge = f' style="{tint(card.color)}"' if card.color else ""
    return (
        f'<div class="kpi"{edge}><b>{html.escape(card.label)}</b>'
        f"<strong>{html.escape(card.value)}</strong><span>{html.escape(card.detail)}</span></div>"
    )


def grid(cards: Iterable[str]) -> str:
    """Returns cards side by side, two in a row where there is room."""
    return f'<div class="grid">{"".join(cards)}</div>'
