"""The MLflow databases and servers of the trackers' tests."""

from __future__ import annotations

from tests.tracking.conftest import server, template, uri

__all__ = ["server", "template", "uri"]
