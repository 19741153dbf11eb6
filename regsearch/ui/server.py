"""MLflow's own server for as long as somebody looks, all its processes included.

This process imports nothing heavy: it answers ctrl-C at once, and holds no memory while it waits
beside the server.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from regsearch.tracking import interpreter
from regsearch.tracking.places import HOST, SERVER_SETTINGS
from regsearch.ui.outlook import Outlook, understood

POLL_SECONDS = 0.1
STOP_SECONDS = 10.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads back here


class ServerError(Exception):
    """MLflow's server did not start."""


class Server:
    """A process that reads a store and then serves it; none is left behind the `with` block.

    Args:
        arguments: Those of `regsearch.ui.reading`.
        port: The port among them.
    """

    def __init__(self, arguments: Sequence[str], port: int) -> None:
        self._arguments = arguments
        self._port = port
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the server

    def __enter__(self) -> Server:
        self._process = interpreter.start(
            "regsearch.ui.reading",
            *self._arguments,
            more=SERVER_SETTINGS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # a ctrl-C is for us, and we end the server
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._signal(signal.SIGKILL)  # whatever of its group is left
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._log.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: it has ended
            os.killpg(self._process.pid, number)

    def outlook(self) -> Outlook:
        """Returns what is in the store, once it is read."""
        assert self._process.stdout is not None
        found = understood(self._process.stdout.read().decode(errors="replace"))
        if found is None:
            self._process.wait()
            found = Outlook(error=self._last_words())
        return found

    def wait_until_it_answers(self) -> None:
        """Returns when it does.

        Raises:
            ServerError: If it ends instead.
        """
        while not self._answers():
            if self._process.poll() is not None:
                raise ServerError(f"MLflow's server must start, but it ended: {self._last_words()}")
            time.sleep(POLL_SECONDS)

    def wait_until_it_ends(self) -> None:
        """Returns never, as a rule.

        Raises:
            ServerError: When it ends by itself.
        """
        self._process.wait()
        raise ServerError(f"MLflow's server must go on, but it ended: {self._last_words()}")

    def _answers(self) -> bool:
        try:
            with _DIRECT.open(f"http://{HOST}:{self._port}/health", timeout=5):
                return True
        except OSError:
            return False

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"code {self._process.returncode}"


def is_free(port: int) -> bool:
    """Tells whether a server could listen on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Returns a port that is free at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
