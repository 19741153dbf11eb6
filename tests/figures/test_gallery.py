"""Laws of every figure: whatever the study, it is drawn, labelled, and nobody's name is markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from plotly.graph_objects import Figure

from regsearch.figures.cards import cards_of
from regsearch.figures.comparisons import COMPARISONS
from regsearch.figures.gallery import SECTIONS, STILLS, VIEWS, figures_of
from regsearch.figures.leaderboard import leaderboard
from regsearch.figures.weights_widget import WIDGETS
from tests.figures.synthetic import ODD, study

ALL = (*VIEWS, *STILLS)
# The tags and entities that figures use themselves.
OWN_MARKUP = re.compile(r"</?(b|br|sup|sub|extra)>|<span style=\"[^\"<>]*\">|</span>")
UNSEEN = {"legendgroup"}
NEEDS_NO_AXES = {"parallel", "weights_by_lambda", "weights_by_epoch"}


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in (v for key, v in value.items() if key not in UNSEEN):
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _read(figure: Figure) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(figure.to_json(), parse_constant=_refuse)
    found["layout"].pop("template", None)
    return found


def _is_empty(figure: Figure) -> bool:
    return not figure.data and len(figure.layout.annotations) == 1


def test_views_are_told_apart_and_explained() -> None:
    views = (*ALL, *COMPARISONS)
    assert len({view.key for view in views}) == len(views)
    for view in views:
        assert view.key.isidentifier()
        assert view.title.strip()
        assert view.caption.endswith(".")
        assert len(view.caption) < 160
    assert {view.section for view in VIEWS} == {*SECTIONS}


@pytest.mark.parametrize("name", ODD)
def test_every_view_draws_every_study(name: str) -> None:
    data = ODD[name]()
    for view in ALL:
        figure = view.draw(data)
        assert figure.layout.height > 0, view.key
        drawn = _read(figure)
        if _is_empty(figure):
            assert figure.layout.annotations[0].text, view.key
        elif view.key not in NEEDS_NO_AXES:
            axes = [axis for key, axis in drawn["layout"].items() if re.match(r"[xy]axis", key)]
            assert any(axis.get("title", {}).get("text") for axis in axes), view.key


@pytest.mark.parametrize("name", ODD)
def test_every_comparison_draws_every_study(name: str) -> None:
    studies = [ODD[name](), study(trials=12, epochs=4), ODD[name]()]
    for view in COMPARISONS:
        assert view.draw(studies).layout.height > 0


def test_a_usual_study_leaves_no_figure_empty() -> None:
    data = study(trials=60)
    assert [view.key for view in ALL if _is_empty(view.draw(data))] == []
    assert [view.key for view in COMPARISONS if _is_empty(view.draw([data, data]))] == []


def test_names_are_shown_and_never_obeyed() -> None:
    data = ODD["hostile names"]()
    figures = [view.draw(data) for view in ALL]
    figures += [view.draw([data, data]) for view in COMPARISONS]
    for figure in figures:
        for text in _texts(_read(figure)):
            assert "<" not in OWN_MARKUP.sub("", text), text
            assert "%{x} $y$" not in text
            assert "\n" not in text


def test_what_counts_reports_is_said_to_count_validations() -> None:
    """A module may validate every so many epochs only: the n-th report is not the n-th epoch."""
    data = study(trials=12)
    figures = [figure.to_plotly_json() for figure in figures_of(data).values()]
    words = [view.caption for view in (*VIEWS, *COMPARISONS)]
    words += [card.detail for card in cards_of(data)]
    words += [*_texts(figures), leaderboard(data), WIDGETS[0].caption]
    said = [text for text in words if "epoch" in text]
    assert len(said) > 10
    assert not [text for text in said if re.search(r"(?<!validation )\bepoch", text)]


def test_figures_of_a_study_carry_their_words() -> None:
    figures = figures_of(study(trials=12))
    assert [*figures] == [view.key for view in ALL]
    for view in ALL:
        title = figures[view.key].layout.title
        assert title.text == f"<b>{view.title}</b>"
        assert title.subtitle.text
