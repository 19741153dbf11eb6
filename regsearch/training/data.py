"""What `Task.data` may return."""

from __future__ import annotations

from typing import Any


def is_pair(data: Any, package: Any) -> bool:
    """Tells whether a Task's data are a pair of loaders; otherwise they are a LightningDataModule.

    Args:
        data: What `Task.data` returned.
        package: The Lightning package of the trial's module.

    Raises:
        TypeError: If they are neither.
    """
    if isinstance(data, tuple | list) and len(data) == 2:
        return True
    if isinstance(data, package.LightningDataModule):
        return False
    raise TypeError(
        "Task.data must return a pair (training loader, validation loader) or a "
        f"LightningDataModule of the module's own {package.__name__}, but got {data!r}."
    )
