"""regsearch: which penalty, and how strong?

L1, L2, elastic-net and group penalties for any LightningModule, a search over their strength and
kind, and a record of it in MLflow. Everything public is importable from here and loaded when it is
first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regsearch import conventions, figures, testing
    from regsearch.callback import PenaltyCallback
    from regsearch.cautions import DoublePenaltyWarning, PenaltyWarning
    from regsearch.engines.inline import InlineEngine
    from regsearch.engines.processes import ProcessEngine
    from regsearch.engines.ray import RayEngine
    from regsearch.mixin import RegularizedMixin
    from regsearch.penalties import (
        KINDS,
        L1,
        L2,
        ElasticNet,
        GroupLasso,
        NoPenalty,
        Penalty,
        SparseGroupLasso,
        WeightDecay,
    )
    from regsearch.regularizer import Regularizer
    from regsearch.search.errors import (
        RepeatedFailureError,
        SearchError,
        StorageError,
        StorageHeldError,
        StudyChangedError,
    )
    from regsearch.search.result import StudyResult
    from regsearch.search.space import Space
    from regsearch.search.study import Study
    from regsearch.selection import Selector, everything, exclude, named, of_type, weights
    from regsearch.tracking.memory import MemoryTracker
    from regsearch.tracking.mlflow import MLflowTracker
    from regsearch.tracking.trouble import TrackingWarning
    from regsearch.training.fused.refusal import NotFusableError
    from regsearch.training.task import Task
    from regsearch.trials import Histogram, Outcome, Report, Trial

_HOMES = {
    "DoublePenaltyWarning": "cautions",
    "ElasticNet": "penalties",
    "GroupLasso": "penalties",
    "Histogram": "trials",
    "InlineEngine": "engines.inline",
    "KINDS": "penalties",
    "L1": "penalties",
    "L2": "penalties",
    "MLflowTracker": "tracking.mlflow",
    "MemoryTracker": "tracking.memory",
    "NoPenalty": "penalties",
    "NotFusableError": "training.fused.refusal",
    "Outcome": "trials",
    "Penalty": "penalties",
    "PenaltyCallback": "callback",
    "PenaltyWarning": "cautions",
    "ProcessEngine": "engines.processes",
    "RayEngine": "engines.ray",
    "RegularizedMixin": "mixin",
    "Regularizer": "regularizer",
    "RepeatedFailureError": "search.errors",
    "Report": "trials",
    "SearchError": "search.errors",
    "Selector": "selection",
    "Space": "search.space",
    "SparseGroupLasso": "penalties",
    "StorageError": "search.errors",
    "StorageHeldError": "search.errors",
    "Study": "search.study",
    "StudyChangedError": "search.errors",
    "StudyResult": "search.result",
    "Task": "training.task",
    "TrackingWarning": "tracking.trouble",
    "Trial": "trials",
    "WeightDecay": "penalties",
    "conventions": "",
    "everything": "selection",
    "exclude": "selection",
    "figures": "",
    "named": "selection",
    "of_type": "selection",
    "testing": "",
    "weights": "selection",
}

__all__ = [
    "DoublePenaltyWarning",
    "ElasticNet",
    "GroupLasso",
    "Histogram",
    "InlineEngine",
    "KINDS",
    "L1",
    "L2",
    "MLflowTracker",
    "MemoryTracker",
    "NoPenalty",
    "NotFusableError",
    "Outcome",
    "Penalty",
    "PenaltyCallback",
    "PenaltyWarning",
    "ProcessEngine",
    "RayEngine",
    "RegularizedMixin",
    "Regularizer",
    "RepeatedFailureError",
    "Report",
    "SearchError",
    "Selector",
    "Space",
    "SparseGroupLasso",
    "StorageError",
    "StorageHeldError",
    "Study",
    "StudyChangedError",
    "StudyResult",
    "Task",
    "TrackingWarning",
    "Trial",
    "WeightDecay",
    "conventions",
    "everything",
    "exclude",
    "figures",
    "named",
    "of_type",
    "testing",
    "weights",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'regsearch' has no attribute {name!r}")
    if not _HOMES[name]:
        return importlib.import_module(f"regsearch.{name}")
    return getattr(importlib.import_module(f"regsearch.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
