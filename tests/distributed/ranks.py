"""Two processes that train together over gloo: the ranks that an engine would start.

They are forked from a process that has imported torch and Lightning before it knew of ranks, as an
engine's are. They live as long as the test session, so that every test also shows that a rank can
train one trial after another. A rank that hangs fails the test and is replaced together with the
other one.
"""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Mapping
from multiprocessing import current_process
from multiprocessing.connection import Connection
from typing import Any

from tests.interpreters import LEARNERS, environment
from tests.programs import Program

WORLD = 2
_PATIENCE = 60.0
_PROGRAM = "from tests.distributed.ranks import serve; serve()"


class Ranks:
    """Runs one function on all ranks at once."""

    def __init__(self) -> None:
        self._processes: list[Program] = []
        self._pipes: list[Connection] = []

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Returns what a function of a module's top level returned on each rank."""
        if not self._processes:
            self._start()
        for pipe in self._pipes:
            pipe.send((function, arguments))
        answers = [pipe.recv() if pipe.poll(_PATIENCE) else "no answer" for pipe in self._pipes]
        failures = [answer for answer in answers if isinstance(answer, str)]
        if failures:
            self.close()  # the other one may wait in a collective
            raise AssertionError("\n".join(failures))
        return [answer[0] for answer in answers]

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes, self._pipes = [], []

    def _start(self) -> None:
        port = _free_port()
        for rank in range(WORLD):
            ours, theirs = socket.socketpair()
            with theirs, open(os.devnull, "wb") as nothing:
                streams = [theirs.fileno(), nothing.fileno(), 2]
                variables = {**environment(), **_variables(rank, port)}
                self._processes.append(LEARNERS.launch(["-c", _PROGRAM], variables, streams))
            pipe = Connection(ours.detach())
            pipe.send_bytes(current_process().authkey)  # tensors are sent as shared memory
            self._pipes.append(pipe)


def _variables(rank: int, port: int) -> Mapping[str, str]:
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(WORLD),
        "LOCAL_WORLD_SIZE": str(WORLD),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "regsearch",
        "CUDA_VISIBLE_DEVICES": "",
    }


def serve() -> None:
    """Is a rank's whole life; what it is asked comes in by its standard input, answers go back."""
    pipe = Connection(os.dup(0))
    current_process().authkey = pipe.recv_bytes()
    while True:
        try:
            function, arguments = pipe.recv()
            answer: Any = (function(*arguments),)
        except EOFError:
            return
        except Exception:
            answer = f"rank {os.environ['RANK']}: {traceback.format_exc()}"
        pipe.send(answer)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
