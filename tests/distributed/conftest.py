"""Two ranks for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.distributed.ranks import Ranks


@pytest.fixture(scope="session")
def ranks() -> Iterator[Ranks]:
    """Starts at the first test that runs something; ends with the session."""
    made = Ranks()
    yield made
    made.close()
