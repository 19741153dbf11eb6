"""What installed packages say of themselves, read once for all tests, which change none of it."""

from __future__ import annotations

import functools
import importlib.metadata

from alembic.config import Config
from alembic.script import ScriptDirectory


def read_once() -> None:
    """Makes this process keep what it has read; before Lightning is imported, which asks for it."""
    # Lightning looks through all packages for entry points whenever a Trainer is made.
    importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)
    # Optuna reads all its migration scripts three times for each SQLite file that it opens.
    _keep_migrations()


def _keep_migrations() -> None:
    read = ScriptDirectory.from_config
    kept: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in kept:
            kept[place] = read(config)
        return kept[place]

    ScriptDirectory.from_config = from_config  # type: ignore[method-assign]
