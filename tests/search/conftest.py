from __future__ import annotations

from pathlib import Path

import pytest

from tests.figures.stored import empty_database


@pytest.fixture
def uri(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tracking URI of a database of the test's own, in its working directory."""
    return empty_database(tmp_path_factory.getbasetemp(), tmp_path)
