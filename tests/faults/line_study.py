"""The study whose training is struck."""

from __future__ import annotations

from typing import Any

from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.training.task import Task
from tests.faults.lines import EPOCHS, data, module


def study(**changes: Any) -> Study:
    """Two trials, of which the second one waits."""
    task = Task(module, data, max_epochs=EPOCHS, trainer={"enable_checkpointing": True})
    given: dict[str, Any] = {"task": task, "n_trials": 2, "storage": "sqlite:///study.db"}
    return Study("line", space=Space(("l1",)), **given | changes)
