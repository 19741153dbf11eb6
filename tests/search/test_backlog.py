from __future__ import annotations

import sqlite3
from contextlib import closing

import optuna
import pytest
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError

from regsearch.search.backlog import Backlog
from tests.search.toys import DB


def test_what_could_not_be_written_may_come_again_with_another_value() -> None:
    storage = RDBStorage(DB, {"connect_args": {"timeout": 0}})
    trial = optuna.create_study(storage=storage).ask()
    backlog = Backlog(storage.engine)
    with closing(sqlite3.connect("study.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        backlog.add_user_attr(trial._trial_id, "ended", "well")
        with pytest.raises(OperationalError, match="database is locked"):
            backlog.flush()
    backlog.add_user_attr(trial._trial_id, "ended", "without being written down")
    backlog.flush()
    backlog.flush()
    assert trial.study.trials[0].user_attrs == {"ended": "without being written down"}
    storage.engine.dispose()
