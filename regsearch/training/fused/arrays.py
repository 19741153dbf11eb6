"""Stacked tensors as arrays of rows, for compiled loops; where there are none, torch does it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from regsearch.one_pass import is_plain


def as_rows(stack: Tensor) -> Any | None:
    """Returns a view of a tensor (K, ...) as an array (K, n); None if loops cannot work on it."""
    return stack.view(len(stack), -1).numpy() if is_plain(stack) else None
