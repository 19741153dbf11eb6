"""One coordinator a study in a database server: a lock that the server keeps for a connection.

A lock file keeps out processes of one folder; a server has clients in other folders and machines.
The server frees the lock when the connection ends, so a process that dies leaves none behind.
"""

from __future__ import annotations

import hashlib

import sqlalchemy
from sqlalchemy.engine import URL, Connection, Engine

from regsearch.search.errors import StorageHeldError


def has_locks(url: URL) -> bool:
    """Tells whether a database has locks of its own, else a file must do."""
    return url.get_backend_name() in ("postgresql", "mysql", "mariadb")


def locked(engine: Engine, name: str, storage: str) -> Connection:
    """Returns a connection that holds a study's lock until it is closed.

    PostgreSQL's was tried on a server; that of MySQL and MariaDB was not. Theirs is lost with the
    connection, which their `wait_timeout` ends. A pooler between must keep sessions.

    Args:
        engine: The database, one that has locks.
        name: The study's name.
        storage: What the lock protects, for the error.

    Raises:
        StorageHeldError: If another process holds it.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()  # when it is closed, it ends, instead of going back to the pool
    if connection.scalar(attempt(engine.url, name)):
        return connection
    connection.close()
    raise StorageHeldError(
        f"One process at a time may search in study {name!r} of {storage}, but another one, "
        "perhaps on another machine, has it open. Wait for it, stop it, or give this study "
        "another name."
    )


def attempt(url: URL, name: str) -> sqlalchemy.TextClause:
    """Returns the query that takes a study's lock, or gives false at once."""
    digest = hashlib.sha256(f"regsearch {url.database} {name}".encode()).digest()
    if url.get_backend_name() == "postgresql":
        key = int.from_bytes(digest[:8], "big", signed=True)
        return sqlalchemy.text("SELECT pg_try_advisory_lock(:key)").bindparams(key=key)
    return sqlalchemy.text("SELECT GET_LOCK(:key, 0)").bindparams(key=digest.hex()[:40])
