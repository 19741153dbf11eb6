"""The process of `template.py`, as those see it who have programs forked from it."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

FILE = Path(__file__).with_name("template.py")


class Template:
    """A template process, started when it is first needed.

    Args:
        modules: What it imports.
        more: Variables with which it imports them, beside this process's own.
    """

    def __init__(self, modules: Sequence[str], more: Mapping[str, str]) -> None:
        self._modules = modules
        self._more = more
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        self._place = Path(self._folder.name, "template")
        self._owner = os.getpid()
        self._process: int | None = None

    def share(self, place: Path, owner: int) -> None:
        """Has one template serve all test processes that say the same.

        Args:
            place: Where its socket lies.
            owner: The process at whose end it ends.
        """
        self._place, self._owner = place, owner

    @cached_property
    def orders(self) -> socket.socket:
        """This process's connection with it."""
        with self._place.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _connected(self._place) or self._start()

    @property
    def pid(self) -> int:
        """Its process id."""
        credentials = self.orders.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[0])

    def close(self) -> None:
        """Leaves it, and ends it if it is nobody else's."""
        if "orders" in self.__dict__:
            self.orders.close()
            del self.orders
        if self._process is not None and self._owner == os.getpid():
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        self._folder.cleanup()

    def _start(self) -> socket.socket:
        variables = {**os.environ, **self._more}
        variables.pop("PYTHONPATH", None)
        command = [sys.executable, "-P", FILE, self._place, str(self._owner), *self._modules]
        no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        # Not `subprocess`: it complains of a process that may outlive this one.
        self._process = os.posix_spawn(
            sys.executable, command, variables, file_actions=[no_input], setsid=True
        )
        while (orders := _connected(self._place)) is None:
            assert os.waitpid(self._process, os.WNOHANG) == (0, 0), "a template must not end"
            time.sleep(0.01)
        return orders


def _connected(place: Path) -> socket.socket | None:
    """Returns a connection with the template that listens there; None if there is none."""
    orders = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        orders.connect(str(place))
    except (FileNotFoundError, ConnectionRefusedError):
        orders.close()
        return None
    return orders
