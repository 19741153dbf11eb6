"""The page of a trial's weights in a frame as MLflow's: scripts, but no origin of its own."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import pytest
import torch
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from regsearch.sparsity import summarize
from regsearch.tracking.weights_page import weights_page
from regsearch.trials import Histogram
from tests.browser.chromium import NARROW, WIDE, Browser

pytestmark = pytest.mark.browser

EPOCHS = 12
PARAMS = {"penalty": "l1", "lam": 1e-3}
HOSTILE = (
    "<img src=x onerror=document.title='hacked'></script><script>document.title='hacked'</script>"
)
Opens = Callable[..., None]


@pytest.fixture
def framed(browser: Browser, open_page: Opens) -> Opens:
    def show(page: str, size: tuple[int, int] = WIDE) -> None:
        style = "position:fixed;inset:0;width:100%;height:100%;border:0"
        frame = f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{escape(page)}"></iframe>'
        open_page(f"<!doctype html><meta charset=utf-8>{frame}", size)
        browser.driver.switch_to.frame(0)
        browser.until(lambda: browser.driver.find_elements(By.CSS_SELECTOR, "article canvas"))

    return show


def _histories(layers: int = 3, epochs: int = EPOCHS) -> dict[str, list[tuple[int, Histogram]]]:
    start = torch.randn(4000, generator=torch.Generator().manual_seed(0)) * 0.1
    shrunk = [torch.nn.functional.softshrink(start, 0.02 * e) for e in range(epochs)]
    series = [(e, summarize(w).histogram) for e, w in enumerate(shrunk)]
    return {f"net.{i}.weight": series for i in range(layers)}


def _find(browser: Browser, css: str) -> WebElement:
    return browser.driver.find_element(By.CSS_SELECTOR, css)


def _epoch(browser: Browser) -> str:
    return _find(browser, "output").text


def _press(browser: Browser, *keys: str) -> None:
    """Presses keys in the page, where nothing has the focus."""
    _find(browser, "h1").click()
    ActionChains(browser.driver).send_keys(*keys).perform()


def _drawing(browser: Browser) -> str:
    return str(browser.script("return document.querySelector('canvas').toDataURL()"))


def test_the_slider_moves_all_layers(browser: Browser, framed: Opens) -> None:
    framed(weights_page(3, PARAMS, _histories()))
    last = browser.until(lambda: _drawing(browser))
    assert _epoch(browser) == "11 of 11"
    _find(browser, "input").send_keys(Keys.HOME)
    assert _epoch(browser) == "0 of 11"
    shares = [share.text for share in browser.driver.find_elements(By.CSS_SELECTOR, "article b")]
    assert shares == ["0\u2009%"] * 3
    assert _drawing(browser) != last
    assert browser.errors == []
    assert browser.strangers == []


def test_keys_alone_move_it(browser: Browser, framed: Opens) -> None:
    framed(weights_page(3, PARAMS, _histories()))
    _press(browser, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert _epoch(browser) == "9 of 11"
    _press(browser, Keys.ARROW_RIGHT)
    assert _epoch(browser) == "10 of 11"
    _find(browser, "input").send_keys(Keys.TAB)
    assert browser.script("return document.activeElement.tagName") == "BUTTON"
    assert _find(browser, "input").get_attribute("aria-valuetext") == "validation epoch 10"
    label = _find(browser, "canvas").get_attribute("aria-label")
    assert label is not None
    assert "are exactly zero" in label


def test_space_plays_from_the_start_and_stops_at_the_end(browser: Browser, framed: Opens) -> None:
    framed(weights_page(3, PARAMS, _histories()))
    _press(browser, Keys.SPACE)
    assert "Pause" in _find(browser, "button").text
    browser.until(lambda: _epoch(browser) not in ("0 of 11", "11 of 11"))
    browser.until(lambda: _epoch(browser) == "11 of 11")
    assert "Play" in _find(browser, "button").text


def test_a_ridge_tells_its_epoch_and_takes_the_slider_there(
    browser: Browser, framed: Opens
) -> None:
    framed(weights_page(3, PARAMS, _histories()))
    canvas = _find(browser, "canvas")
    ActionChains(browser.driver).move_to_element(canvas).perform()
    told = browser.until(lambda: _find(browser, ".rg-tip").text)
    canvas.click()
    assert told.startswith(f"validation epoch {_epoch(browser).split()[0]}: ")
    assert _epoch(browser) != "11 of 11"


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_it_fits_the_window(browser: Browser, framed: Opens, size: tuple[int, int]) -> None:
    page = weights_page(3, {**PARAMS, "a": "long " * 50, "b": "l" * 300}, _histories())
    framed(page, size)
    assert browser.script("return document.documentElement.scrollWidth") <= size[0]


def test_it_is_dark_where_the_reader_s_system_is(browser: Browser, framed: Opens) -> None:
    framed(weights_page(3, PARAMS, _histories()))
    color = "return getComputedStyle(document.body).backgroundColor"
    light, drawing = browser.script(color), _drawing(browser)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        browser.until(lambda: browser.script(color) != light)
        browser.until(lambda: _drawing(browser) != drawing)
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_names_are_shown_as_they_are(browser: Browser, framed: Opens) -> None:
    params = {"penalty": HOSTILE, HOSTILE: HOSTILE}
    framed(weights_page(3, params, {HOSTILE: _histories()["net.0.weight"]}))
    assert _find(browser, "h3").text == HOSTILE
    assert browser.script("return document.title") == "Weights of trial 3"
    assert browser.driver.find_elements(By.CSS_SELECTOR, "img") == []


@pytest.mark.parametrize(
    "series",
    [
        [(0, Histogram((0, 0, 0, 0), 1.0, 5))],
        [(4, Histogram((1, 2, 3, 4), 1e-6, 0))],
        [(0, Histogram((1,), 1.0, 0)), (0, Histogram((2,), 1e9, 0))],
    ],
    ids=["all zero", "one epoch", "one bin"],
)
def test_odd_histograms_are_drawn(
    browser: Browser, framed: Opens, series: list[tuple[int, Histogram]]
) -> None:
    framed(weights_page(3, PARAMS, {"odd": series, **_histories(layers=1)}))
    _press(browser, Keys.ARROW_LEFT)
    assert browser.errors == []


def test_a_hundred_layers_are_drawn_when_they_are_seen(browser: Browser, framed: Opens) -> None:
    framed(weights_page(3, PARAMS, _histories(layers=100)))
    widths = "return [...document.querySelectorAll('canvas')].filter(c => c.width).length"
    assert 0 < browser.until(lambda: browser.script(widths)) < 50
    browser.script("scrollTo(0, document.documentElement.scrollHeight)")
    browser.until(
        lambda: browser.script("return [...document.querySelectorAll('canvas')].at(-1).width")
    )
    browser.until(lambda: not browser.script("return document.querySelector('canvas').width"))
