"""The process that the programs of tests are forked from; see `tests.interpreters`.

    python -P template.py SOCKET OWNER MODULE...

It imports the modules, reads orders from all who connect with its socket, and forks for each, for
as long as the process OWNER lives. The fork leaves the serving loop and goes on to the end of this
file as an interpreter that has been asked for that program; the template says which process that
is, and later how it has ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import multiprocessing.process
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

LONGEST = 1 << 20  # of an order, in bytes


def main(place: str, owner: str, modules: Sequence[str]) -> None:
    """Serves, until what returns is a fork, and then the program that it has run."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # what whoever runs the tests has left open
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(place)
    listener.listen()
    own_path = list(sys.path)
    gc.disable()  # importing makes next to no garbage, and the search for it takes a sixth longer
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else collections in the forks would copy all of what they share
    gc.enable()
    order, streams = _Orders(listener, os.pidfd_open(int(owner))).next_program()
    _take_place(order, streams)
    _run(order["arguments"], own_path)


class _Orders:
    """Who may ask for programs, and which are running."""

    def __init__(self, listener: socket.socket, owner: int) -> None:
        self._listener = listener
        self._owner = owner
        self._askers: dict[int, socket.socket] = {}
        self._running: dict[int, tuple[int, socket.socket]] = {}
        self._selector = selectors.DefaultSelector()
        for source in (listener, owner):
            self._selector.register(source, selectors.EVENT_READ)

    def next_program(self) -> tuple[dict[str, Any], list[int]]:
        """Returns in forks alone, with what each is to be; ends when the owner has."""
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._owner:
                    os._exit(0)
                elif key.fd in self._running:
                    self._bury(key.fd)
                elif key.fd not in self._askers:
                    self._welcome()
                elif program := self._obey(key.fd):
                    return program

    def _welcome(self) -> None:
        asker, _ = self._listener.accept()
        self._askers[asker.fileno()] = asker
        self._selector.register(asker, selectors.EVENT_READ)

    def _obey(self, asker: int) -> tuple[dict[str, Any], list[int]] | None:
        """Forks; returns the order and its streams in the fork."""
        order, descriptors, _, _ = socket.recv_fds(self._askers[asker], LONGEST, 4)
        if not order:
            self._selector.unregister(self._askers[asker])
            self._askers.pop(asker).close()
            return None
        pid = os.fork()
        end = socket.socket(fileno=descriptors.pop())
        if pid == 0:
            os.setsid()
            end.send(str(os.getpid()).encode())
            end.close()
            self._leave()
            return json.loads(order), descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        watch = os.pidfd_open(pid)
        self._running[watch] = (pid, end)
        self._selector.register(watch, selectors.EVENT_READ)
        return None

    def _leave(self) -> None:
        """Closes in a fork what is the template's own."""
        ends = [end for _, end in self._running.values()]
        for open_socket in (self._listener, *self._askers.values(), *ends):
            open_socket.close()
        for watch in (self._owner, *self._running):
            os.close(watch)
        self._selector.close()

    def _bury(self, watch: int) -> None:
        pid, end = self._running.pop(watch)
        self._selector.unregister(watch)
        os.close(watch)
        _, status = os.waitpid(pid, 0)
        with end, suppress(ConnectionError):  # perhaps nobody wants to know any more
            end.send(str(os.waitstatus_to_exitcode(status)).encode())


def _take_place(order: dict[str, Any], streams: Sequence[int]) -> None:
    """Gives a fork what a process of its own would have."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Where processes that it spawns look for modules.
    multiprocessing.process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]  # not in stubs
    if "numpy" in sys.modules:  # `random` sees to this itself
        sys.modules["numpy"].random.seed()


def _run(arguments: Sequence[str], own_path: Sequence[str]) -> None:
    """Runs `python FILE ...`, `python -c CODE ...` or `python -P -m MODULE ...`."""
    name = arguments[0]
    if name == "-m":
        sys.argv = list(arguments[1:])
        _look_in([], own_path)
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    file, text = Path(name).absolute(), ""
    sys.argv = list(arguments)
    if name == "-c":
        text = arguments[1]
        sys.argv = ["-c", *arguments[2:]]
    else:
        text = file.read_text(encoding="utf-8")
    _look_in(["" if name == "-c" else str(file.parent)], own_path)
    program = ModuleType("__main__")
    sys.modules["__main__"] = program
    if name != "-c":
        program.__file__ = str(file)
    exec(compile(text, "<string>" if name == "-c" else str(file), "exec"), program.__dict__)


def _look_in(first: Sequence[str], own_path: Sequence[str]) -> None:
    """Says where modules are looked for: in these places, and as ever."""
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = dict.fromkeys([*first, *given, *own_path])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
