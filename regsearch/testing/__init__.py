"""The laws that penalties, engines and trackers obey, for those who write their own.

Subclass one in a test file and say how the object under test is made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regsearch.testing.engines import EngineLaws
    from regsearch.testing.penalties import PenaltyLaws
    from regsearch.testing.ranks import RankLaws
    from regsearch.testing.trackers import TrackerLaws
    from regsearch.testing.workers import WorkerEngineLaws

_HOMES = {
    "EngineLaws": "engines",
    "PenaltyLaws": "penalties",
    "RankLaws": "ranks",
    "TrackerLaws": "trackers",
    "WorkerEngineLaws": "workers",
}

__all__ = ["EngineLaws", "PenaltyLaws", "RankLaws", "TrackerLaws", "WorkerEngineLaws"]


def __getattr__(name: str) -> Any:
    """Loads what is asked for alone: a worker of the engines' laws needs none of the others."""
    if name not in _HOMES:
        raise AttributeError(f"module 'regsearch.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"regsearch.testing.{_HOMES[name]}"), name)
