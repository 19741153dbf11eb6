"""A worker process's place: what it is called, what it may use, and how it settles in.

CUDA reads `CUDA_VISIBLE_DEVICES` once, so that must be set before anything touches CUDA. A worker
that is spawned imports the user's modules before it comes to `work`: it must be started inside of
`passed_on`. One that is forked could set it itself, since its fork server has not touched CUDA.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from regsearch.engines.channels import SocketChannel
from regsearch.engines.parent_death import die_with_parent
from regsearch.engines.serving import serve
from regsearch.trials import Train


@dataclass(frozen=True)
class Seat:
    """A worker process's place.

    Attributes:
        name: Where it is, for errors: "device 0", "rank 1 on device 0".
        rank: Its place in its group.
        environment: Variables that are set in it.
        threads: CPU threads of torch's operators.
        memory_fraction: Share of the GPU's memory that it may use.
    """

    name: str
    rank: int
    environment: Mapping[str, str]
    threads: int = 1
    memory_fraction: float = 1.0


def work(seat: Seat, own: socket.socket, train: Train, parent: int) -> None:
    """Is a worker process's whole life.

    Args:
        seat: Its place.
        own: Its end of the channel.
        train: The train function.
        parent: The process that started it.
    """
    os.setsid()  # so that it is ended with all it has started, and no ctrl-C reaches it
    die_with_parent(parent)
    leave_signals_to_the_coordinator()
    _let_sigterm_end_forks()
    os.environ.update(seat.environment)
    _limit_torch(seat)
    serve(train, SocketChannel(own), rank=seat.rank)


def leave_signals_to_the_coordinator() -> None:
    """Has this process go on when ctrl-C or a scheduler signals every process there is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A handler, unlike SIG_IGN, is not passed on to what a worker executes.
    signal.signal(signal.SIGTERM, _ignore)


@contextmanager
def passed_on(environment: Mapping[str, str]) -> Iterator[None]:
    """Has a process that is started inside find these variables as soon as it begins."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            os.environ.update({} if value is None else {name: value})


def _let_sigterm_end_forks() -> None:
    """Has what a worker forks end by SIGTERM, as a pool of processes ends its own.

    SIGINT stays ignored: nobody ends processes with it, and a ctrl-C is the coordinator's. A signal
    that comes before a fork has found its feet waits for it: a pool that waits for the end of one
    which has missed it would wait for ever.
    """
    masks = threading.local()

    def hold_back() -> None:
        masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.before)

    def let_end() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        let_through()

    os.register_at_fork(before=hold_back, after_in_parent=let_through, after_in_child=let_end)


def _ignore(signum: int, frame: FrameType | None) -> None:
    pass


def _limit_torch(seat: Seat) -> None:
    torch = sys.modules.get("torch")
    if torch is None:  # then the environment is early enough
        return
    torch.set_num_threads(seat.threads)
    if seat.memory_fraction < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(seat.memory_fraction, seat.rank)
