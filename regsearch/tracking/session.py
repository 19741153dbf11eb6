"""One start of a study, from its first event to its last: a spool and the process that ships it."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path

from regsearch.tracking import events
from regsearch.tracking.events import Event
from regsearch.tracking.progress import Progress
from regsearch.tracking.shipping import Shipping
from regsearch.tracking.spool import SpoolWriter
from regsearch.tracking.trouble import Trouble

LOOK_SECONDS = 5.0


class Session:
    """Takes events and has them shipped.

    Args:
        root: The folder of all spools.
        uri: The store, as people may see it.
        patience: Seconds without progress after which the study is told, and no longer waits.
        trouble: Tells the study.
    """

    def __init__(self, root: Path, uri: str, patience: float, trouble: Trouble) -> None:
        self._root = root
        self._uri = uri
        self._patience = patience
        self._trouble = trouble
        self._writer = SpoolWriter(root)
        self._shipping: Shipping | None = None
        self._looked = 0.0
        self._last = Progress()
        self._closing = False
        self._over = False

    @property
    def progress(self) -> Progress:
        """How far the events are shipped; the last known state once the session is over."""
        spool = self._writer.spool
        if spool is not None and not self._over:
            self._last = Progress.load(spool.progress)
        return self._last

    def add(self, event: Event) -> None:
        """Writes an event; keeps in memory, and says so once, what the disk does not take."""
        try:
            self._writer.append(event)
        except OSError as error:
            self._trouble.say(
                "spool",
                f"The spool in {self._root} must be writable, but got: {error}. Training goes on, "
                "and what it reports is kept in memory until there is room: make some.",
            )
        self._look()

    def _look(self) -> None:
        """Sees to the shipping process every few seconds."""
        now = time.monotonic()
        spool = self._writer.spool
        if spool is None or (self._shipping is not None and now - self._looked < LOOK_SECONDS):
            return
        self._looked = now
        if self._shipping is None:
            self._shipping = Shipping(spool, self._patience)
        try:
            self._shipping.tend()
        except OSError as error:
            self._report_silence(f"the process that ships did not start: {error}")
        progress = self.progress
        if progress.error and time.time() - progress.since > self._patience:
            self._report_silence(progress.error)

    def close(self) -> None:
        """Writes the last event and waits for the rest to be shipped while there is progress.

        Where the disk still does not take it, the session stays open for another try.
        """
        if self._over:
            return
        if not self._closing:
            self._closing = True
            self.add(events.closed())
        else:
            self._flush()
        if self._writer.pending:
            self._report_loss()
        elif self._shipping is not None:
            self._hand_over(self._shipping)

    def _flush(self) -> None:
        with suppress(OSError):
            self._writer.flush()
        self._look()

    def _hand_over(self, shipping: Shipping) -> None:
        drained = False
        try:
            drained = shipping.drain()
            if not drained:
                self._report_silence(self.progress.error or shipping.complaint())
            if self.progress.refused:
                self._report_refusal(self._last.refused)
            if self._last.remark:
                self._remark(self._last.remark)
        finally:
            self._over = True
            self._writer.close()
            shipping.dismiss()
        shipping.stop(self._patience if drained else 0.0)

    def _report_loss(self) -> None:
        self._trouble.say(
            "lost",
            f"The disk of {self._root} must take what the study reported, but it does not: "
            f"{self._writer.pending} bytes are in memory only. Make room and close the tracker "
            "again.",
        )

    def _report_silence(self, error: str) -> None:
        spool = self._writer.spool
        place = self._root if spool is None else spool.folder
        self._trouble.say(
            "store",
            f"MLflow at {self._uri} must take what the study reports, but it does not: {error}. "
            f"Nothing is lost: it is kept in {place}, and shipped as soon as MLflow answers, or by "
            "the next study that is tracked there from this folder.",
        )

    def _remark(self, why: str) -> None:
        logging.getLogger("regsearch").warning(
            "MLflow at %s shows the study without its saved views: %s", self._uri, why
        )

    def _report_refusal(self, answer: str) -> None:
        self._trouble.say(
            "refused", f"MLflow at {self._uri} refused a part of the study, for good: {answer}"
        )
