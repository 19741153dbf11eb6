"""One self-contained HTML file about one study, or about several over each other.

It holds plotly.js once and asks no network for anything, which its content security policy makes
sure of. Names come from people and are escaped, in HTML as in the JSON of the figures.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources

from plotly.offline import get_plotlyjs

from regsearch.figures.cards import Card, cards_of, summary
from regsearch.figures.data import StudyData
from regsearch.figures.gallery import SECTIONS
from regsearch.figures.garbage import uncollected
from regsearch.figures.labels import count, shortened
from regsearch.figures.panels import (
    Panel,
    comparison_panels,
    figure_card,
    grid,
    number_cards,
    panels_of,
    table_card,
    widget_card,
)
from regsearch.figures.sides import Side, sides_of
from regsearch.figures.theme import DARK, TEMPLATE, tint
from regsearch.figures.weights_widget import WIDGETS
from regsearch.ridges.assets import filled


def page(
    studies: Sequence[StudyData], *, title: str | None = None, refresh: float | None = None
) -> str:
    """Returns the whole page: of one study its report, of several their comparison.

    Args:
        studies: At least one.
        title: What stands at the top; None for the study's name, or how many studies there are.
        refresh: Seconds after which the page reads itself again; None for never.

    Raises:
        ValueError: If there is no study.
    """
    if not studies:
        raise ValueError("studies must hold at least one study, but got none. Name one.")
    with uncollected():
        if len(studies) == 1:
            return _report(studies[0], title, refresh)
        return _comparison(studies, title, refresh)


def _report(data: StudyData, title: str | None, refresh: float | None) -> str:
    panels = panels_of(data)
    parts = [number_cards(cards_of(data))]
    for section, heading in SECTIONS.items():
        cards = [figure_card(panel) for panel in panels if panel.section == section]
        cards += [table_card(data)] if section == "answer" else []
        cards += _widget_cards([data]) if section == "weights" else []
        parts.append(f'<h2 id="{section}">{heading}</h2>{grid(cards)}')
    links = "".join(f'<a href="#{section}">{text}</a>' for section, text in SECTIONS.items())
    words = {
        "heading": title or shortened(data.name, 120),
        "summary": summary(data),
        "nav": f"<nav>{links}</nav>",
        "content": "".join(parts),
    }
    return _filled(words, panels, refresh)


def _comparison(studies: Sequence[StudyData], title: str | None, refresh: float | None) -> str:
    sides = sides_of(studies)
    shared = comparison_panels(studies)
    own = {side.place: panels_of(side.data, prefix=f"study{side.place}_") for side in sides}
    cards = [*map(figure_card, shared), *_widget_cards(studies)]
    folds = "".join(_fold(side, own[side.place]) for side in sides)
    top = number_cards(map(_side_card, sides))
    words = {
        "heading": title or f"{len(studies)} studies",
        "summary": count(sum(len(data.trials) for data in studies), "trial"),
        "nav": "",
        "content": f"{top}<h2>Side by side</h2>{grid(cards)}<h2>Each study</h2>{folds}",
    }
    return _filled(
        words, [*shared, *(panel for panels in own.values() for panel in panels)], refresh
    )


def _side_card(side: Side) -> Card:
    best = cards_of(side.data)[0]
    return Card(side.label, best.value, f"{best.label}: {best.detail}", side.color)


def _fold(side: Side, panels: Sequence[Panel]) -> str:
    """Returns a study's own report, folded up."""
    chip = f'<i class="chip" style="{tint(side.color)}"></i>'
    name = f"{html.escape(side.label)}<small>{html.escape(summary(side.data))}</small>"
    cards = [*map(figure_card, panels), table_card(side.data)]
    inner = f"{number_cards(cards_of(side.data))}{grid(cards)}"
    return f"<details><summary>{chip}{name}</summary>{inner}</details>"


def _widget_cards(studies: Sequence[StudyData]) -> list[str]:
    return [widget_card(widget, studies) for widget in WIDGETS]


def _filled(words: dict[str, str], panels: Sequence[Panel], refresh: float | None) -> str:
    """Returns the page of words, of which `heading` and `summary` are raw text, and figures."""
    parts = {
        **words,
        "title": html.escape(words["heading"]),
        "heading": html.escape(words["heading"]),
        "summary": html.escape(words["summary"]),
        "figures": _embedded(panels),
        "style": _file("page.css"),
        "script": _file("page.js"),
        "plotly": get_plotlyjs(),
        "refresh": f' data-refresh="{refresh:g}"' if refresh else "",
    }
    return filled(_file("page.html"), parts)


def _file(name: str) -> str:
    return resources.files("regsearch.figures").joinpath(name).read_text(encoding="utf-8")


def _embedded(panels: Sequence[Panel]) -> str:
    """Returns the figures as JSON that cannot end the script element it stands in."""
    figures = ",".join(f"{json.dumps(panel.key)}:{_bare(panel)}" for panel in panels)
    dark, template = json.dumps(dict(DARK)), json.dumps(TEMPLATE.to_plotly_json())
    text = f'{{"dark":{dark},"template":{template},"figures":{{{figures}}}}}'
    return text.replace("<", "\\u003c")


def _bare(panel: Panel) -> str:
    """Returns a figure as JSON without the template, which all of them share."""
    return str(panel.figure.update_layout(template=None).to_json())
