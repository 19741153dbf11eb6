"""Waits for a database server that is away for a moment, as one that is started anew."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

LONGEST = 60.0  # seconds that a server may be away
_PAUSE = 0.2  # seconds

_log = logging.getLogger(__name__)


def wait_for_server(engine: Engine) -> None:
    """Has an engine wait for its server when a connection cannot be made, up to `LONGEST`.

    Once it has waited in vain it does so no more, until the server has been back.
    """
    may_wait = True

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _record: object, arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> DBAPIConnection:
        nonlocal may_wait
        once = functools.partial(dialect.connect, *arguments, **keywords)
        waits, may_wait = may_wait, False
        connection = _waited_for(once, dialect.loaded_dbapi.Error) if waits else once()
        may_wait = True
        return connection


def _waited_for(
    connect: Callable[[], DBAPIConnection], refusal: type[Exception]
) -> DBAPIConnection:
    until = time.monotonic() + LONGEST
    try:
        return connect()
    except refusal as error:
        words = str(error)  # for the error itself holds what is left of the connection
        _log.warning("The study waits for its database, %.0f s at most: %s", LONGEST, words)
    while time.monotonic() < until:
        time.sleep(_PAUSE)
        with suppress(refusal):
            return connect()
    return connect()
