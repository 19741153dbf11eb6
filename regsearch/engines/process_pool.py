"""Worker processes, as the coordinator sees them: a transport made of a fork server and sockets."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import socket
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.reduction import send_handle

from regsearch.engines import fork_server
from regsearch.engines.channels import Mailbox
from regsearch.engines.devices import Slot
from regsearch.engines.process_orders import Ended, Start, Started, Unloadable, described
from regsearch.engines.process_seat import Seat
from regsearch.engines.process_worker import ProcessWorker
from regsearch.engines.workers import Worker

_FAREWELL = 5.0  # seconds that a fork server has to end its workers before it is killed itself


class ProcessPool:
    """The worker processes of one run.

    Args:
        pickled: The train function.
        places: What each slot's workers may use.
    """

    def __init__(self, pickled: bytes, places: Sequence[Slot]) -> None:
        self._places = places
        self._pickled = pickled
        self._workers: dict[int, ProcessWorker] = {}
        self._count = 0
        self._open_server()
        # Without this, a run that was never closed would keep the interpreter from ending.
        atexit.register(self.close)

    @property
    def slots(self) -> int:
        """Returns how many groups run at once."""
        return len(self._places)

    def start(self, slot: int) -> Sequence[Worker]:
        """Starts a group on a slot, without waiting for it."""
        try:
            return [self._start(seat) for seat in self._places[slot].seats()]
        except OSError as error:
            raise RuntimeError(_out_of_means(error)) from error

    def wait(self, workers: Collection[Worker], timeout: float) -> Collection[Worker]:
        """Returns those that have said something or have ended."""
        own = [worker for worker in workers if isinstance(worker, ProcessWorker)]
        sockets = [worker.mailbox.own for worker in own if not worker.mailbox.is_closed]
        has_news = any(worker.has_news for worker in own)
        ready = set(wait([self._control, *sockets], 0 if has_news else timeout))
        if self._control in ready:
            self._hear_server()
        return [worker for worker in own if worker.mailbox.own in ready or worker.has_news]

    def close(self) -> None:
        """Ends every worker, and the fork server."""
        atexit.unregister(self.close)
        self._control.close()
        # One that is still importing does not listen, and has no workers yet.
        self._server.join(_FAREWELL if self._has_started else _FAREWELL / 10)
        self._server.kill()
        self._server.join()
        for worker in self._workers.values():
            worker.end()

    def _open_server(self) -> None:
        try:
            self._control, theirs = multiprocessing.Pipe()
            self._server = multiprocessing.get_context("spawn").Process(
                target=fork_server.serve_forks,
                args=(theirs, self._pickled, os.getpid()),
                name="fork server",
            )
            with theirs, _one_openmp_thread():
                self._server.start()
        except OSError as error:
            raise RuntimeError(_out_of_means(error)) from error
        self._has_started = False  # any worker

    def _start(self, seat: Seat) -> ProcessWorker:
        assert self._server.pid is not None
        ours, theirs = socket.socketpair()
        with theirs:
            worker = ProcessWorker(self._count, seat.name, Mailbox(ours), self._control)
            self._workers[self._count] = worker
            with suppress(ConnectionError):  # the fork server's own end will be heard of
                self._control.send(Start(self._count, seat))
                send_handle(self._control, theirs.fileno(), self._server.pid)
        self._count += 1
        return worker

    def _hear_server(self) -> None:
        try:
            while self._control.poll():
                self._take(self._control.recv())
        except (EOFError, ConnectionError):
            self._server.join()
            self._outlive(described(self._server.exitcode or 0))

    def _take(self, news: Started | Ended | Unloadable) -> None:
        if isinstance(news, Unloadable):
            raise RuntimeError(_not_importable(news.error))
        if isinstance(news, Started):
            self._has_started = True
            self._workers[news.key].started(news.pid)
        else:
            self._workers.pop(news.key).how_it_ended = news.how

    def _outlive(self, how: str) -> None:
        """Goes on with another fork server, unless this one has never got as far as a worker."""
        if not self._has_started:
            raise RuntimeError(_not_started(how))
        for worker in self._workers.values():
            worker.how_it_ended = f"was ended with the process that it was started by, which {how}"
        self._workers.clear()
        self._control.close()
        self._open_server()


@contextmanager
def _one_openmp_thread() -> Iterator[None]:
    """Has a process started now find OMP_NUM_THREADS=1, which OpenMP reads as it is loaded."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        os.environ.update({} if before is None else {"OMP_NUM_THREADS": before})


def _not_started(how: str) -> str:
    return (
        f"The process that starts the workers must import what they need, but it {how} before it "
        "had. What it said of it stands above. A script that runs a study must do so below "
        '`if __name__ == "__main__":`, for worker processes import the script.'
    )


def _out_of_means(error: OSError) -> str:
    return (
        f"Every worker must have a process and a channel, but the system refuses: {error}. Allow "
        "more (ulimit -u for processes, -n for open files), or take fewer workers."
    )


def _not_importable(error: str) -> str:
    return (
        "Worker processes must be able to import the train function and all that it holds, but "
        f"this one ({sys.executable}) could not: define functions and classes in a file, not in a "
        f"notebook or on the command line, or run with InlineEngine().\n\n{error}"
    )
