"""What tests of compiled stacks share."""

from __future__ import annotations

import pytest

from regsearch.training.fused import compiling


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves graphs as they are recorded: what they do is the same, compiled or not."""
    monkeypatch.setattr(compiling, "_compile", lambda traced: traced)
