"""Optuna's migration scripts, read once for all databases of tests.

Optuna has them all read and run three times for each SQLite file that it opens, to know the newest:
two thirds of what opening takes. They are files of an installed package, which no test changes.
"""

from __future__ import annotations

from alembic.config import Config
from alembic.script import ScriptDirectory


def read_once() -> None:
    """Makes alembic keep, in this process, the scripts of each place it has read them from."""
    read = ScriptDirectory.from_config
    kept: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in kept:
            kept[place] = read(config)
        return kept[place]

    ScriptDirectory.from_config = from_config  # type: ignore[method-assign]
