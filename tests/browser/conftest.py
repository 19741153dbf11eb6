from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.chromium import WIDE, Browser, chromium
from tests.browser.lookout import Lookout, lookout
from tests.figures.stored import empty_database

# MLflow opens a panel for chats at somebody's first visit, over a third of the window.
NO_ASSISTANT = (
    "try { localStorage['mlflow.assistant.fab.autoOpenedOnFirstLoad_v1'] = 'true' } catch {}"
)
REPORT = (
    "<!doctype html><title>t</title><p>A report,<script>document.body.append(' drawn')</script>"
)


@pytest.fixture(scope="session")
def chromium_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        browser.before_each_page(NO_ASSISTANT)
        yield browser


@pytest.fixture
def browser(chromium_session: Browser) -> Iterator[Browser]:
    """A browser whose pages may talk to this machine alone, and must."""
    yield chromium_session
    strangers = chromium_session.strangers
    chromium_session.close()
    assert strangers == []


@pytest.fixture
def open_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Opens HTML in a window of some size; at one address, the same scripts are compiled once."""
    file = tmp_path_factory.getbasetemp() / "page.html"

    def open_page(content: str, size: tuple[int, int] = WIDE) -> None:
        file.write_text(content, encoding="utf-8")
        browser.open(file.as_uri(), size)

    return open_page


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lookout]:
    """Two studies in an MLflow that is up."""
    folder = tmp_path_factory.mktemp("studies")
    uri = empty_database(tmp_path_factory.getbasetemp(), folder)
    with lookout(folder, uri, REPORT) as found:
        yield found
