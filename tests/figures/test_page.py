from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from plotly.offline import get_plotlyjs

from regsearch.figures import panels
from regsearch.figures.comparisons import COMPARISONS
from regsearch.figures.gallery import VIEWS
from regsearch.figures.page import page
from tests.figures.synthetic import HOSTILE, ODD, study


@cache
def _report() -> str:
    return page([study()])


@cache
def _comparison() -> str:
    return page([study("first"), ODD["hostile names"]()], title=HOSTILE)


def _figures(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)
    assert found
    return dict(json.loads(found[1])["figures"])


def test_a_report_has_every_view_in_its_place() -> None:
    text = _report()
    figures = _figures(text)
    assert [*figures] == [view.key for view in VIEWS]
    for view in VIEWS:
        assert f'data-figure="{view.key}"' in text
        assert html.escape(view.title) in text
        assert html.escape(view.caption) in text
        assert not figures[view.key]["layout"].get("template")


def test_a_comparison_has_its_own_views_and_those_of_each_study() -> None:
    text = _comparison()
    keys = [view.key for view in COMPARISONS]
    keys += [f"study{place}_{view.key}" for place in (0, 1) for view in VIEWS]
    assert [*_figures(text)] == keys
    assert text.count("<details>") == 2
    assert "2 studies" in page([ODD["bare"]()] * 2)


def test_plotly_is_there_once_and_nothing_is_asked_of_a_network() -> None:
    text = _report()
    assert text.count("plotly.js v") == 1
    own = text.replace(get_plotlyjs(), "")
    assert not re.search(r"(src|href)=\"(?!#|data:)", own)
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/\S*", "", own)
    assert "default-src 'none'" in own


def test_names_are_text_everywhere() -> None:
    text = _comparison()
    assert "<script>alert" not in text
    assert html.escape(HOSTILE) in text
    report = page([ODD["hostile names"]()])
    assert "<script>alert" not in report
    assert report.count("</script>") == _report().count("</script>")


def test_a_title_can_be_given() -> None:
    assert "<title>Which is it?</title>" in page([ODD["bare"]()], title="Which is it?")


def test_a_page_reads_itself_again_only_if_told_to() -> None:
    assert 'data-refresh="5"' in page([ODD["bare"]()], refresh=5.0)
    assert "data-refresh=" not in _report()


def test_the_same_data_make_the_same_page() -> None:
    assert page([study()]) == _report()


def test_no_study_makes_no_page() -> None:
    with pytest.raises(ValueError, match="at least one study, but got none"):
        page([])


@pytest.mark.slow  # draws 1,200 trials
@pytest.mark.parametrize("trials", [200, 1000])
def test_many_trials_make_a_page_that_can_be_sent(trials: int) -> None:
    text = page([study(trials=trials, epochs=50)])
    assert len(text.encode()) < 8_000_000
    assert f"{trials:,} trials" in text


def test_a_figure_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: object) -> object:
        raise RuntimeError("no <b>figure</b>")

    views = (replace(VIEWS[0], draw=broken), *VIEWS[1:3])
    monkeypatch.setattr(panels, "VIEWS", views)
    with pytest.warns(UserWarning, match="How strong should the penalty be.* could not be drawn"):
        text = page([study()])
    figures = _figures(text)
    words = figures["validation"]["layout"]["annotations"][0]["text"]
    assert "could not be drawn" in words
    assert "&lt;b&gt;" in words
    assert figures["tradeoff"]["data"]
