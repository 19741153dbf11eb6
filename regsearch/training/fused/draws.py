"""Random numbers of a stack's own: dropout goes on where the last epoch left it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch

from regsearch.training.generators import generator_states, restore_generators
from regsearch.training.surroundings import untouched_generators


class Draws:
    """Inside, the generators are a stack's; outside, they are what they were.

    Args:
        seed: Where they start.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: Mapping[str, Any] | None = None
        self._outside = ExitStack()

    def __enter__(self) -> None:
        self._outside.enter_context(untouched_generators())
        if self._states is None:
            torch.manual_seed(self._seed)
        else:
            restore_generators(self._states, [])

    def __exit__(self, *raised: object) -> None:
        self._states = generator_states([])
        self._outside.close()
