"""A trained trial's weights on disk: written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor


def write_weights(weights: Mapping[str, Tensor], folder: Path, number: int) -> None:
    """Writes a state dict as `<folder>/<number>.pt`.

    Args:
        weights: The state dict.
        folder: Made if it is not there.
        number: The trial's number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{number}.part"
    torch.save(dict(weights), partial)
    os.replace(partial, folder / f"{number}.pt")
