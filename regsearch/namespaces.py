"""Lightning under its two names: `pytorch_lightning` and `lightning.pytorch`.

The two packages hold the same classes twice, and neither takes the other's. What derives from
Lightning here derives from both, as far as they are installed.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

Trainer = Any
"""A Trainer of either namespace."""


def _packages() -> list[Any]:
    found = []
    for name in ("pytorch_lightning", "lightning.pytorch"):
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(name))
    if not found:
        raise ImportError("regsearch needs Lightning: pip install pytorch-lightning")
    return found


if TYPE_CHECKING:
    import pytorch_lightning

    LightningCallback = pytorch_lightning.Callback
    LightningCheckpoint = pytorch_lightning.callbacks.Checkpoint
else:
    _bases = tuple(package.Callback for package in _packages())
    LightningCallback = type("LightningCallback", _bases, {})
    _bases = tuple(package.callbacks.Checkpoint for package in _packages())
    LightningCheckpoint = type("LightningCheckpoint", _bases, {})


def namespace_of(module: Any) -> Any:
    """Returns the Lightning package, `pytorch_lightning` or `lightning.pytorch`, of a module.

    Raises:
        TypeError: If it is no LightningModule.
    """
    for package in _packages():
        if isinstance(module, package.LightningModule):
            return package
    raise TypeError(f"A LightningModule is needed, but got {type(module).__name__}.")
