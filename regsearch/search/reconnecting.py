"""Waits for a database server that is away for a moment, as one that is started anew."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
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
    patience = _Patience()

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _record: object, arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> DBAPIConnection:
        patience.begin()
        while True:
            try:
                connection = dialect.connect(*arguments, **keywords)
            except dialect.loaded_dbapi.Error as error:
                patience.wait_or_raise(error)
            else:
                patience.renew()
                return connection


class _Patience:
    def __init__(self) -> None:
        self._is_left = True
        self._until = 0.0
        self._has_told = False

    def begin(self) -> None:
        self._until = time.monotonic() + (LONGEST if self._is_left else 0.0)

    def wait_or_raise(self, error: Exception) -> None:
        if time.monotonic() >= self._until:
            self._is_left = False
            raise error
        if not self._has_told:
            words = str(error)  # for the error itself holds what is left of the connection
            _log.warning("The study waits for its database, %.0f s at most: %s", LONGEST, words)
            self._has_told = True
        time.sleep(_PAUSE)

    def renew(self) -> None:
        self._is_left, self._has_told = True, False
