"""The process that the programs of tests are forked from; see `tests.interpreters`.

    python -P template.py DESCRIPTOR MODULE...

It imports the modules, reads orders from a socket and forks for each. The fork leaves the serving
loop and goes on to the end of this file as an interpreter that has been asked for that program; the
template says which process that is, and later how it has ended.
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


def main(descriptor: str, modules: Sequence[str]) -> None:
    """Serves, until what returns is a fork, and then the program that it has run."""
    orders = socket.socket(fileno=int(descriptor))
    own_path = list(sys.path)
    gc.disable()  # importing makes next to no garbage, and the search for it takes a sixth longer
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else collections in the forks would copy all of what they share
    gc.enable()
    order, streams = _next_program(orders)
    _take_place(order, streams)
    _run(order["arguments"], own_path)


def _next_program(orders: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Returns in forks alone, with what each is to be; ends when nobody can give an order."""
    running: dict[int, tuple[int, socket.socket]] = {}
    selector = selectors.DefaultSelector()
    selector.register(orders, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not orders:
                selector.unregister(key.fileobj)
                _bury(key.fd, *running.pop(key.fd))
                continue
            order, descriptors, _, _ = socket.recv_fds(orders, LONGEST, 4)
            if not order:
                os._exit(0)
            pid = os.fork()
            end = socket.socket(fileno=descriptors.pop())
            if pid == 0:
                os.setsid()
                end.send(str(os.getpid()).encode())
                for open_socket in (orders, end, *(other for _, other in running.values())):
                    open_socket.close()
                for watch in running:
                    os.close(watch)
                selector.close()
                return json.loads(order), descriptors
            for descriptor in descriptors:
                os.close(descriptor)
            watch = os.pidfd_open(pid)
            running[watch] = (pid, end)
            selector.register(watch, selectors.EVENT_READ)


def _bury(watch: int, pid: int, end: socket.socket) -> None:
    os.close(watch)
    _, status = os.waitpid(pid, 0)
    with end, suppress(BrokenPipeError):  # perhaps nobody wants to know any more
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
    main(sys.argv[1], sys.argv[2:])
