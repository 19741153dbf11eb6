"""The weights of whole studies in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from regsearch.figures.data import StudyData
from regsearch.figures.weights_widget import weights_widget
from tests.browser.chromium import NARROW, WIDE, Browser
from tests.figures.synthetic import ODD, study

pytestmark = pytest.mark.browser

Opens = Callable[..., None]


@pytest.fixture
def shown(browser: Browser, open_page: Opens) -> Opens:
    def show(studies: Sequence[StudyData], size: tuple[int, int] = WIDE) -> None:
        head = '<!doctype html><meta charset="utf-8">'
        open_page(head + weights_widget(studies), size)
        browser.until(lambda: all(map(len, _drawings(browser))))

    return show


def _find(browser: Browser, css: str) -> WebElement:
    return browser.driver.find_element(By.CSS_SELECTOR, css)


def _choose(browser: Browser, name: str, text: str) -> None:
    Select(_find(browser, f"select[name={name}]")).select_by_visible_text(text)


def _options(browser: Browser, name: str) -> list[str]:
    return [option.text for option in Select(_find(browser, f"select[name={name}]")).options]


def _chosen(browser: Browser, name: str) -> str:
    return str(Select(_find(browser, f"select[name={name}]")).first_selected_option.text)


def _trial(browser: Browser) -> str:
    return _chosen(browser, "trial")


def _drawings(browser: Browser) -> list[str]:
    script = (
        "return [...document.querySelectorAll('canvas')].map(c => c.width ? c.toDataURL() : '')"
    )
    return list(browser.script(script))


def test_the_slider_moves_both_charts(browser: Browser, shown: Opens) -> None:
    shown([study()])
    assert _find(browser, "output").text == "4 of 4"
    last = _drawings(browser)
    _find(browser, "input").send_keys(Keys.HOME)
    assert _find(browser, "output").text == "0 of 4"
    assert all(now != before for now, before in zip(_drawings(browser), last, strict=True))
    assert (browser.errors, browser.strangers) == ([], [])


def test_play_goes_to_the_last_epoch(browser: Browser, shown: Opens) -> None:
    shown([study()])
    _find(browser, "button").click()
    assert "Pause" in _find(browser, "button").text
    browser.until(lambda: _find(browser, "output").text == "4 of 4")
    browser.until(lambda: "Play" in _find(browser, "button").text)


def test_the_best_trial_is_chosen_first_and_keys_choose_its_neighbours(
    browser: Browser, shown: Opens
) -> None:
    shown([study()])
    trials = _options(browser, "trial")
    assert _trial(browser).startswith("★")
    at = trials.index(_trial(browser))
    before = _drawings(browser)
    _find(browser, "canvas").send_keys(Keys.ARROW_DOWN)
    assert _trial(browser) == trials[at + 1]
    assert all(now != then for now, then in zip(_drawings(browser), before, strict=True))
    _find(browser, "canvas").send_keys(Keys.ARROW_UP, Keys.ARROW_UP)
    assert _trial(browser) == trials[at - 1]


def test_a_click_chooses_the_trial_that_is_told_of(browser: Browser, shown: Opens) -> None:
    shown([study()])
    canvas = _find(browser, "canvas")
    ActionChains(browser.driver).move_to_element_with_offset(canvas, 0, 90).perform()
    told = browser.until(lambda: _find(browser, ".rg-tip").text)
    assert "exact zeros" in told
    ActionChains(browser.driver).click().perform()
    assert told.splitlines()[0] == _trial(browser)


def test_layers_penalties_and_studies_can_be_chosen(browser: Browser, shown: Opens) -> None:
    shown([study("first"), study("second", kinds=("l2",), layers={"w": 64})])
    before = _drawings(browser)
    _choose(browser, "layer", "head.weight")
    assert all(now != then for now, then in zip(_drawings(browser), before, strict=True))
    _choose(browser, "kind", "l1")
    assert {text.removeprefix("★ ").split()[1] for text in _options(browser, "trial")} == {"l1"}
    _choose(browser, "study", "second")
    assert _options(browser, "kind") == ["all", "l2", "none"]
    assert len(_options(browser, "trial")) == 12
    assert not _find(browser, "select[name=layer]").is_displayed()
    assert browser.errors == []


def test_a_page_that_reads_itself_again_shows_what_was_chosen(
    browser: Browser, shown: Opens
) -> None:
    shown([study("first"), study("second")])
    _choose(browser, "study", "second")
    _choose(browser, "layer", "head.weight")
    _find(browser, "input").send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    _choose(browser, "trial", _options(browser, "trial")[2])
    chosen = [_chosen(browser, name) for name in ("study", "layer", "trial")]
    browser.driver.refresh()
    assert [_chosen(browser, name) for name in ("study", "layer", "trial")] == chosen
    assert _find(browser, "output").text == "2 of 4"


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_fits_the_window(browser: Browser, shown: Opens, size: tuple[int, int]) -> None:
    shown([study(), ODD["hostile names"]()], size)
    _choose(browser, "study", _options(browser, "study")[1])
    assert browser.script("return document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("name", [*ODD])
def test_odd_studies_are_drawn_without_an_error(browser: Browser, shown: Opens, name: str) -> None:
    shown([ODD[name](), study()])
    _find(browser, "canvas").send_keys(Keys.ARROW_LEFT, Keys.ARROW_DOWN)
    assert browser.errors == []
    assert browser.script("return document.title") == ""
