"""A task that nobody trains, in a file that a fresh process reads soon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regsearch.training.task import Task

EPOCHS = 10


def no_module(params: Mapping[str, Any]) -> Any:
    raise NotImplementedError


def no_data() -> Any:
    raise NotImplementedError


TASK = Task(no_module, no_data, max_epochs=EPOCHS)
