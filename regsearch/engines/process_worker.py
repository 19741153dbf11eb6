"""One worker process, as the coordinator sees it."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing.connection import Connection

from regsearch.engines.channels import Mailbox
from regsearch.engines.process_orders import End
from regsearch.engines.workers import Answer, Said, WorkerGoneError


class ProcessWorker:
    """One worker process.

    Args:
        key: What the fork server knows it by.
        place: Where it is: "device 0".
        mailbox: The coordinator's end of its channel.
        control: The way to the fork server.
    """

    def __init__(self, key: int, place: str, mailbox: Mailbox, control: Connection) -> None:
        self.key = key
        self.mailbox = mailbox
        self.how_it_ended = ""
        self._place = place
        self._control = control
        self._pid: int | None = None

    @property
    def name(self) -> str:
        """Returns what it is called in errors."""
        process = "starting" if self._pid is None else f"process {self._pid}"
        return f"the worker on {self._place} ({process})"

    @property
    def has_news(self) -> bool:
        """Tells whether `receive` has something that the socket does not show."""
        return bool(self.how_it_ended) or self.mailbox.has_message()

    def started(self, pid: int) -> None:
        """Takes note of its process."""
        self._pid = pid

    def receive(self) -> Said | None:
        """Returns what it said, if that has arrived whole."""
        said: Said | None = self.mailbox.receive()
        if said is None and self.how_it_ended:
            raise WorkerGoneError(self.how_it_ended)
        return said

    def send(self, answer: Answer) -> None:
        """Answers its last question."""
        self.mailbox.send(answer)

    def end(self) -> None:
        """Has the fork server kill it; what it still says is not heard."""
        self.mailbox.close()
        with suppress(OSError):  # a fork server that is gone has left no worker
            self._control.send(End(self.key))
