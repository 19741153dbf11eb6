"""Stacked tensors as arrays of rows, for compiled loops; where there are none, torch does it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regsearch.compiled import is_installed

_TYPES = (torch.float32, torch.float64)


def as_rows(stack: Tensor) -> Any | None:
    """Returns a view of a tensor (K, ...) as an array (K, n); None if loops cannot work on it."""
    if not (is_installed() and stack.device.type == "cpu" and stack.dtype in _TYPES):
        return None
    return stack.view(len(stack), -1).numpy() if stack.is_contiguous() else None
