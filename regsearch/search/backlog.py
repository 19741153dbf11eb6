"""Rows for Optuna's tables that wait for each other: one transaction costs as much as many rows.

Optuna's own storage reads a trial back before it writes a value of it, and commits each by itself:
two milliseconds for a parameter, as long as for all that a trial reports.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution, distribution_to_json

TABLES = ("trial_params", "trial_user_attributes", "trial_intermediate_values")
SECONDS = 1.0


class Backlog:
    """New rows of trials that are in the database.

    A row may come again, with another value, where it could not be written the first time.

    Args:
        engine: The database.
    """

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine
        known = sqlalchemy.MetaData()
        self._tables = {t: sqlalchemy.Table(t, known, autoload_with=engine) for t in TABLES}
        self._rows: dict[str, dict[tuple[int, Any], dict[str, Any]]] = defaultdict(dict)
        self._written_at = time.monotonic()

    def add_param(
        self, trial_id: int, name: str, internal: float, distribution: BaseDistribution
    ) -> None:
        """Takes a parameter, in Optuna's internal form."""
        described = distribution_to_json(distribution)
        row = {"param_name": name, "param_value": internal, "distribution_json": described}
        self._rows["trial_params"][trial_id, name] = {"trial_id": trial_id, **row}

    def add_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Takes an attribute that the trial does not have yet in the database."""
        row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        self._rows["trial_user_attributes"][trial_id, key] = row

    def add_report(self, trial_id: int, step: int, value: float) -> None:
        """Takes a reported value, which must be finite."""
        row = {"step": step, "intermediate_value": value, "intermediate_value_type": "FINITE"}
        self._rows["trial_intermediate_values"][trial_id, step] = {"trial_id": trial_id, **row}

    @property
    def is_due(self) -> bool:
        """Whether the last write was long enough ago; nobody but a writer of rows asks."""
        return time.monotonic() - self._written_at > SECONDS

    def flush(self) -> None:
        """Writes all rows; where that fails, they stay."""
        if self._rows:
            with self._engine.begin() as connection:
                for table, rows in self._rows.items():
                    connection.execute(self._tables[table].insert(), [*rows.values()])
            self._rows.clear()
        self._written_at = time.monotonic()
