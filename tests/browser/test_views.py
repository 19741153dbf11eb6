"""What people see in MLflow: the four views, the study's page, the trial's page."""

from __future__ import annotations

import re

import pytest

from regsearch.tracking.views import PREFIX
from tests.browser.chromium import NARROW, WIDE, Browser
from tests.browser.lookout import HOSTILE, LAYERS, Lookout

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # a server and a browser, both started

# What MLflow's page complains of by itself: there are no users here, and its charts grow.
OWN_COMPLAINTS = ("/mlflow/users/current", "ResizeObserver loop")
# On a busy machine it was seen to place what it draws before it knows where: at NaN, or too low.
PLACED_EARLY = re.compile(
    r"/static-files/static/js/\S+ \S+ Error: <\w+> attribute \w+: .*(NaN|negative)", re.S
)
ONE_LINE = " ".join(HOSTILE.split())


def _check_harmless(browser: Browser) -> None:
    complaints = [e for e in browser.errors if not any(own in e for own in OWN_COMPLAINTS)]
    assert [e for e in complaints if not PLACED_EARLY.search(e)] == []
    assert browser.script("return window.pwned") is None


def _drawn(browser: Browser) -> int:
    """Returns how many charts are drawn in the window."""
    charts = "return document.querySelectorAll('.js-plotly-plot, .parcoords').length"
    return int(browser.script(charts))


@pytest.mark.parametrize("size", [(1440, 2400), NARROW])
def test_a_study_opens_at_its_overview(
    browser: Browser, studies: Lookout, size: tuple[int, int]
) -> None:
    browser.open(studies.links["digits"], size)
    browser.shows("digits · Overview", "λ, penalty and zeros", "log10_lam vs. val_loss")
    browser.until(lambda: _drawn(browser) >= 1)
    if size != NARROW:
        browser.shows("sparsity/all vs. val_loss", "Parallel Coordinates")
        browser.shows(
            "log10_lam vs. l1_ratio vs. val_loss", "Losses and sparsity by validation epoch"
        )
        browser.shows("loss/data", "loss/penalty", "val_acc")
        browser.until(lambda: _drawn(browser) >= 6)
    _check_harmless(browser)


def test_the_other_views_of_a_study(browser: Browser, studies: Lookout) -> None:
    weights, ranking = (
        studies.links["digits"].replace("-overview&", f"-{view}&")
        for view in ("weights", "ranking")
    )
    browser.open(weights, (1440, 1800))
    browser.shows("digits · Weights", "5 % tails", "Exact zeros by layer")
    browser.shows(f"weight_norm/{LAYERS[1]}")
    browser.until(lambda: _drawn(browser) >= 2)
    _check_harmless(browser)
    browser.go(ranking)
    browser.shows("digits · Ranking", "Best first", "What differs", "0006 l2")
    browser.until(lambda: _drawn(browser) >= 2)
    _check_harmless(browser)
    browser.resize(*WIDE)
    browser.go(ranking.replace("compareRunsMode=CHART&", ""))
    _check_table(browser)


def _check_table(browser: Browser) -> None:
    """The ranking as a table with our columns."""
    browser.shows("Parameters", "penalty", "log10_lam", "l1_ratio", "Metrics", "val_loss")
    browser.until(lambda: "0006 l2" in browser.text)
    rows = browser.script(
        "return [...document.querySelectorAll('.ag-row')]"
        ".map(row => [Number(row.getAttribute('row-index')), row.innerText])"
    )
    ranked = [name[0] for _, text in sorted(rows) if (name := re.findall(r"\b000\d", text))]
    assert ranked == ["0006", "0005", "0004", "0003", "0002", "0001", "0000"]  # 0007 failed
    _check_harmless(browser)


def test_studies_are_compared_as_groups(browser: Browser, studies: Lookout) -> None:
    (compare,) = [view for view in studies.views if view.startswith(f"{PREFIX}compare-")]
    link = re.sub(r"(?<=ShareKey=)[^&]+", compare, studies.links["digits"])
    browser.open(link, (1440, 1200))
    browser.shows("Compare studies · val_loss", "Group by: regsearch.study", "best/val_loss")
    browser.until(lambda: _drawn(browser) >= 4)
    browser.shows("digits (best/val_loss)")
    _check_harmless(browser)
    browser.click("[data-testid=saved-views-trigger]")
    browser.shows("digits · Overview", "digits · Weights", f"{ONE_LINE[:60]} · Ranking")
    _check_harmless(browser)


def test_hostile_names_are_text(browser: Browser, studies: Lookout) -> None:
    browser.open(studies.links[HOSTILE], (1440, 1600))
    browser.shows(f"{ONE_LINE[:60]} · Overview", "log10_lam vs. val_loss")
    browser.until(lambda: _drawn(browser) >= 3)
    _check_harmless(browser)


def test_the_page_of_a_study(browser: Browser, studies: Lookout) -> None:
    """Its note, its best value, its table and its report, all under a hostile name."""
    run = studies.studies[HOSTILE]
    browser.open(studies.page(run))
    browser.shows(ONE_LINE, "Description", "best/val_loss", "regsearch.study")
    _check_harmless(browser)
    browser.go(studies.page(run, "/artifacts/ranking.json"))
    browser.shows("View as table", "penalty", "reason", ONE_LINE)
    assert '"columns"' not in browser.text
    _check_harmless(browser)
    browser.open(studies.page(run, "/artifacts/report.html"))
    assert _framed(browser).split() == ["A", "report,", "drawn"]
    _check_harmless(browser)


def test_the_page_of_a_trial(browser: Browser, studies: Lookout) -> None:
    """Its weights, drawn in place; its error as text."""
    run = studies.trials[HOSTILE][-1]
    browser.open(studies.page(run, "/artifacts/weights/histograms.html"))
    framed = _framed(browser)
    assert "Weights of trial 3" in framed
    assert ONE_LINE.split()[0] in framed
    _check_harmless(browser)
    browser.open(studies.page(run, "/artifacts/error.txt"))
    browser.shows("Traceback", "ValueError: <script>")
    _check_harmless(browser)


def _framed(browser: Browser) -> str:
    """Returns what an HTML artifact says in the frame that MLflow gives it."""
    frame = browser.until(lambda: browser.driver.find_elements("css selector", "iframe"))[0]
    browser.driver.switch_to.frame(frame)
    try:
        assert browser.script("return window.pwned") is None
        return str(browser.until(lambda: browser.text))
    finally:
        browser.driver.switch_to.default_content()
