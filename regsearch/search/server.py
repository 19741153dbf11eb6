"""A database server as a study's storage, of which this process alone writes this study."""

from __future__ import annotations

import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Engine

from regsearch.search.reconnecting import wait_for_server
from regsearch.search.server_lock import hold

HOLDER = "regsearch.holder"  # the attribute of a study that says which process has its lock

_ATTRIBUTES = (  # Optuna's tables of them
    "study_user_attributes",
    "study_system_attributes",
    "trial_user_attributes",
    "trial_system_attributes",
)


def connected_to_server(storage: str, name: str, text: str) -> RDBStorage:
    """Returns a database that holds a study's lock, until its engine is disposed of.

    Args:
        storage: The URL of a database that has locks.
        name: The study's name.
        text: Where it is stored, for the error.

    Raises:
        StorageHeldError: If another process holds the lock.
    """
    prepared = RDBStorage(storage)  # with tables, for which Optuna takes several connections
    _make_room(prepared.engine)
    holder = _last_holder(prepared, name)
    prepared.engine.dispose()
    one = {"pool_size": 1, "max_overflow": 0, "pool_pre_ping": True}
    disk = RDBStorage(storage, one, skip_compatibility_check=True, skip_table_creation=True)
    wait_for_server(disk.engine)
    hold(disk.engine, name, text, holder)
    return disk


def _make_room(engine: Engine) -> None:
    """Has attributes be as long as elsewhere, as tracebacks are, or the metrics of a deep network.

    What Optuna asks for has no limit in PostgreSQL and SQLite, and 64 KiB in MySQL.
    """
    for table in _ATTRIBUTES:
        columns = {it["name"]: it["type"] for it in sqlalchemy.inspect(engine).get_columns(table)}
        if isinstance(columns["value_json"], mysql.TEXT):
            with engine.begin() as connection:
                connection.exec_driver_sql(f"ALTER TABLE {table} MODIFY value_json MEDIUMTEXT")


def _last_holder(disk: RDBStorage, name: str) -> str:
    try:
        attributes = disk.get_study_user_attrs(disk.get_study_id_from_name(name))
    except KeyError:
        return "(unknown)"
    return str(attributes.get(HOLDER, "(unknown)"))
