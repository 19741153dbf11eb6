"""A worker process's place: what it is called, what it may use, and how it settles in.

All of it is set before the train function is called, and so before CUDA is touched: CUDA reads
`CUDA_VISIBLE_DEVICES` once.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
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
    os.environ.update(seat.environment)
    _limit_torch(seat)
    serve(train, SocketChannel(own), rank=seat.rank)


def leave_signals_to_the_coordinator() -> None:
    """Has this process go on when ctrl-C or a scheduler signals every process there is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A handler, unlike SIG_IGN, is not passed on to what a worker executes.
    signal.signal(signal.SIGTERM, _ignore)


def _ignore(signum: int, frame: FrameType | None) -> None:
    pass


def _limit_torch(seat: Seat) -> None:
    torch = sys.modules.get("torch")
    if torch is None:  # then the environment is early enough
        return
    torch.set_num_threads(seat.threads)
    if seat.memory_fraction < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(seat.memory_fraction, seat.rank)
