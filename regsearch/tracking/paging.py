"""MLflow answers a search page by page, and each page says where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar


class Page(Protocol):
    """One page of an answer."""

    @property
    def token(self) -> str | None: ...


P = TypeVar("P", bound=Page)


def pages(ask: Callable[[str | None], P]) -> Iterator[P]:
    """Yields all pages of an answer.

    Args:
        ask: Returns the page that begins at a token; at None the first one.
    """
    page = ask(None)
    yield page
    while page.token:
        page = ask(page.token)
        yield page
