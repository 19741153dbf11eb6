"""One coordinator a study in a database server: a lock that the server keeps for a connection.

A lock file keeps out processes of one folder; a server has clients in other folders and machines.
The server frees the lock when the connection ends, so a process that dies leaves none behind. It
is the very connection that writes which has the lock: if that breaks, or the server starts anew,
the next one takes it again, and where another process was faster, nothing more is written. A pooler
between must keep sessions.
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy
from sqlalchemy.engine import URL, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from regsearch.search.errors import StorageHeldError

# Servers may end connections that are idle, as MySQL does after eight hours, and trials are long.
_STAY = {
    "postgresql": "SELECT set_config(name, '0', false) FROM pg_settings"
    " WHERE name = 'idle_session_timeout'",  # which is new in PostgreSQL 14
    "mysql": "SET SESSION wait_timeout = 31536000",  # seconds; the most there is
    "mariadb": "SET SESSION wait_timeout = 31536000",
}


def has_locks(url: URL) -> bool:
    """Tells whether a database has locks of its own, else a file must do."""
    return url.get_backend_name() in _STAY


def hold(engine: Engine, name: str, text: str, holder: str) -> None:
    """Has each connection of an engine take a study's lock as it is made, and makes the first one.

    Args:
        engine: The database, one that has locks, for one connection at a time.
        name: The study's name.
        text: Where it is stored, for the error.
        holder: The process that has held the lock last, for the error.

    Raises:
        StorageHeldError: If another process holds it. Later on, whatever is written raises this if
            another process has taken the lock while the server was away.
    """
    stay, query = _STAY[engine.url.get_backend_name()], lock_query(engine.url, name)

    @sqlalchemy.event.listens_for(engine, "connect")
    def take(connection: DBAPIConnection, _record: object) -> None:
        if not _answer(connection, stay, query):
            raise StorageHeldError(
                f"One process at a time may search in study {name!r} of {text}, but process "
                f"{holder} has it open. Wait for it, stop it, or give this study another name."
            )

    engine.dispose()  # the connection from before the listener
    engine.connect().close()
    holder = "(unknown)"  # the next one would be somebody else


def lock_query(url: URL, name: str) -> str:
    """Returns the query that takes a study's lock, or gives false at once."""
    digest = hashlib.sha256(f"regsearch {url.database} {name}".encode()).digest()
    if url.get_backend_name() == "postgresql":
        return f"SELECT pg_try_advisory_lock({int.from_bytes(digest[:8], 'big', signed=True)})"
    return f"SELECT GET_LOCK('{digest.hex()[:40]}', 0)"


def _answer(connection: DBAPIConnection, order: str, query: str) -> Any:
    """Carries out an order, and returns the answer to a query."""
    cursor = connection.cursor()
    cursor.execute(order)
    cursor.execute(query)
    (answer,) = cursor.fetchall()[0]
    cursor.close()
    connection.commit()
    return answer
