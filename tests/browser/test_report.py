"""The report and the comparison in a real browser: every figure drawn, nothing asked of anybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from regsearch.figures.comparisons import COMPARISONS
from regsearch.figures.gallery import VIEWS
from regsearch.figures.page import page
from regsearch.figures.theme import DARK, PAPER
from tests.browser.chromium import NARROW, WIDE, Browser
from tests.figures.synthetic import HOSTILE, ODD, study

pytestmark = pytest.mark.browser

Opens = Callable[..., None]
DARK_PAPER = "rgb({}, {}, {})".format(*bytes.fromhex(DARK[PAPER][1:]))


@pytest.fixture
def shown(browser: Browser, open_page: Opens) -> Opens:
    def show(content: str, size: tuple[int, int] = WIDE) -> None:
        open_page(content, size)
        browser.until(lambda: _told(browser, "ready"))
        assert _told(browser, "failed") == ""
        assert browser.errors == []

    return show


def _told(browser: Browser, name: str) -> str | None:
    found = browser.script(f"return document.documentElement.dataset.{name}")
    return None if found is None else str(found)


def _empty(browser: Browser) -> list[str]:
    """Returns the figures that have no picture."""
    script = (
        "return [...document.querySelectorAll('[data-drawn]')]"
        ".filter(place => !place.querySelector('svg.main-svg')?.getBoundingClientRect().width)"
        ".map(place => place.id)"
    )
    return list(browser.script(script))


@cache
def _page(name: str) -> str:
    """Returns the page of one odd study, which takes seconds to be drawn."""
    return page([ODD[name]()])


def _check_drawn(browser: Browser, width: int) -> None:
    """Every figure is there, and nothing is wider than the window."""
    assert _told(browser, "drawn") == str(len(VIEWS))
    assert _empty(browser) == []
    assert browser.script("return document.documentElement.scrollWidth") <= width
    widths = browser.script(
        "return [...document.querySelectorAll('[data-figure]')].map(place => "
        "[place.id, place.clientWidth, place.querySelector('svg.main-svg').clientWidth])"
    )
    assert [key for key, room, drawn in widths if drawn > room + 1] == []


@pytest.mark.parametrize("name", ["bare", "gaps", "many kinds"])
def test_every_figure_is_drawn(browser: Browser, shown: Opens, name: str) -> None:
    shown(_page(name))
    _check_drawn(browser, WIDE[0])


@pytest.mark.parametrize("name", ["as usual", "hostile names"])
def test_every_figure_fits_a_narrow_window(browser: Browser, shown: Opens, name: str) -> None:
    shown(_page(name), NARROW)
    _check_drawn(browser, NARROW[0])


def test_a_study_is_drawn_when_it_is_unfolded_and_stays_so(browser: Browser, shown: Opens) -> None:
    shown(page([study("first", trials=12), study("second", trials=12, seed=1)]))
    assert _told(browser, "drawn") == str(len(COMPARISONS))
    both = str(len(COMPARISONS) + len(VIEWS))
    browser.script("document.querySelector('summary').click()")
    browser.until(lambda: _told(browser, "drawn") == both)
    browser.driver.refresh()
    browser.until(lambda: _told(browser, "drawn") == both)
    assert browser.script("return document.querySelectorAll('details[open]').length") == 1


def test_dark_windows_get_dark_figures(browser: Browser, shown: Opens) -> None:
    shown(_page("as usual"))
    _check_drawn(browser, WIDE[0])
    paper = "return document.querySelector('#tradeoff .main-svg').style.background"
    light = browser.script(paper)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    browser.until(lambda: browser.script(paper) != light)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.until(lambda: browser.script(paper) == light)


def test_a_window_that_turns_dark_while_figures_are_drawn(
    browser: Browser, open_page: Opens
) -> None:
    open_page(_page("as usual"))
    browser.until(lambda: int(_told(browser, "drawn") or 0) > 1)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    papers = "return [...document.querySelectorAll('.main-svg')].map(s => s.style.background)"
    try:
        browser.until(lambda: _told(browser, "ready"))
        browser.until(lambda: {*browser.script(papers)} - {""} == {DARK_PAPER})
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_names_are_shown_letter_for_letter(browser: Browser, shown: Opens) -> None:
    shown(_page("hostile names"))
    _check_drawn(browser, WIDE[0])
    assert " ".join(HOSTILE.split())[:40] in browser.text
    assert browser.script("return document.querySelectorAll('main script:not([type])').length") <= 1
    drawn = browser.script("return document.querySelector('#validation').textContent")
    assert "<script>alert('x')</scr" in drawn
