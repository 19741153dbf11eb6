"""The process of `template.py`, as those see it who have programs forked from it."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

FILE = Path(__file__).with_name("template.py")


class Template:
    """A template process, started by who needs it first.

    Attributes:
        place: Where its socket lies. Test processes that say the same share one template.

    Args:
        modules: What it imports.
        more: Variables with which it imports them, beside this process's own.
    """

    def __init__(self, modules: Sequence[str], more: Mapping[str, str]) -> None:
        self.place: Path | None = None
        self._modules = modules
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None

    @cached_property
    def orders(self) -> socket.socket:
        """This process's connection with it."""
        place = self.place or Path(mkdtemp(), "template")
        with place.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _connected(place) or self._start(place)

    @property
    def pid(self) -> int:
        """Its process id."""
        credentials = self.orders.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", credentials)[0])

    def close(self) -> None:
        """Leaves it; it ends when all have. One is found or started again if it is needed."""
        if "orders" in self.__dict__:
            self.orders.close()
            del self.orders
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _start(self, place: Path) -> socket.socket:
        place.unlink(missing_ok=True)  # the socket of one that has ended
        variables = {**os.environ, **self._more}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(FILE), str(place), *self._modules],
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in variables.items() if name != "PYTHONPATH"},
            start_new_session=True,
        )
        while (orders := _connected(place)) is None:
            assert self._process.poll() is None, "a template must serve, but it has ended"
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
