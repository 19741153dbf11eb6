"""The process that worker processes are forked from: it loads everything once.

Importing torch, Lightning and a user's script takes seconds; a fork of a process that has done so
takes milliseconds, and shares that memory. The coordinator itself must not be forked: it may hold
threads, locks and a GPU. So it spawns one fork server for a run, which loads the train function,
starts a worker for each order, says when one has ended, and ends all when the coordinator is gone.

Where a fork is not safe, on macOS or when the user's modules touch a GPU or start threads as they
are imported, workers are spawned instead.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recvfds

from regsearch.engines.forking import can_fork
from regsearch.engines.parent_death import signal_at_parents_end
from regsearch.engines.process_orders import Ended, Start, Started, Unloadable, described
from regsearch.engines.process_seat import Seat, leave_signals_to_the_coordinator, passed_on, work
from regsearch.trials import Train


def serve_forks(
    control: Connection, channels: socket.socket, pickled: bytes, coordinator: int
) -> None:
    """Is a fork server's whole life.

    Args:
        control: Where orders come from and news go to.
        channels: Where the workers' ends of their channels come from, as file descriptors. macOS
            has each acknowledged, which must not get among the news.
        pickled: The train function.
        coordinator: The process id of who has started this.
    """
    leave_signals_to_the_coordinator()
    often = gc.get_threshold()
    gc.set_threshold(0)  # it would look through all that is imported again and again for nothing
    try:
        train: Train = pickle.loads(pickled)
    except Exception:
        with suppress(ConnectionError):  # the coordinator has gone meanwhile
            control.send(Unloadable(traceback.format_exc()))
        return
    gc.collect()
    gc.freeze()  # else collections in the workers would copy all of what they share
    gc.set_threshold(*often)
    server = _ForkServer(control, channels, train, coordinator)
    try:
        server.serve()
    finally:
        server.close()
    os._exit(0)  # unloading all that was imported would take a second


class _ForkServer:
    def __init__(
        self, control: Connection, channels: socket.socket, train: Train, coordinator: int
    ) -> None:
        self._control = control
        self._channels = channels
        self._train = train
        self._coordinator = coordinator
        self._may_fork = can_fork()
        self._workers: dict[int, BaseProcess] = {}

    def serve(self) -> None:
        with _woken_by(signal.SIGCHLD) as woken:
            # One wake-up serves both: a child has ended, or the parent has.
            signal_at_parents_end(signal.SIGCHLD)
            while os.getppid() == self._coordinator:
                ready = wait([self._control, woken])
                if woken in ready:
                    woken.recv(4096)
                self._bury()
                if self._control in ready and not self._obey():
                    return

    def close(self) -> None:
        for worker in self._workers.values():
            _kill(worker)
        for worker in self._workers.values():
            worker.join()

    def _obey(self) -> bool:
        """Carries out the next order; returns whether there was one."""
        try:
            order = self._control.recv()
            if isinstance(order, Start):
                self._start_worker(order)
            elif order.key in self._workers:
                _kill(self._workers[order.key])
        except (EOFError, ConnectionError):
            return False
        return True

    def _start_worker(self, order: Start) -> None:
        with socket.socket(fileno=recvfds(self._channels, 1)[0]) as theirs:
            try:
                worker = self._start(order.seat, theirs)
            except OSError as error:
                self._control.send(Ended(order.key, f"could not be started: {error}"))
                return
        assert worker.pid is not None
        self._workers[order.key] = worker
        self._control.send(Started(order.key, worker.pid))

    def _start(self, seat: Seat, theirs: socket.socket) -> BaseProcess:
        arguments = (seat, theirs, self._train, os.getpid())
        worker: BaseProcess
        if self._may_fork:
            worker = get_context("fork").Process(target=self._become, args=arguments)
        else:
            worker = get_context("spawn").Process(target=work, args=arguments)
        with passed_on(seat.environment), warnings.catch_warnings():
            # torch's and NumPy's own threads are idle, and made anew after a fork.
            warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
            worker.start()
        return worker

    def _become(self, seat: Seat, theirs: socket.socket, train: Train, parent: int) -> None:
        """Leaves the fork server, as a fork of it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()  # else the coordinator would not see the fork server's end
        self._channels.close()
        work(seat, theirs, train, parent)

    def _bury(self) -> None:
        """Says which workers have ended, and ends what they have left running."""
        for key, worker in list(self._workers.items()):
            if (code := worker.exitcode) is not None:
                _kill(worker)
                del self._workers[key]
                with suppress(ConnectionError):  # the coordinator has gone, as `_obey` will see
                    self._control.send(Ended(key, described(code)))


def _kill(worker: BaseProcess) -> None:
    """Kills a worker with all that it has started, even if it has just begun or is stopped."""
    assert worker.pid is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.kill()


@contextmanager
def _woken_by(signum: signal.Signals) -> Iterator[socket.socket]:
    """Yields a socket that can be read once the signal has come."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        signal.signal(signum, lambda *_: None)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(-1)
