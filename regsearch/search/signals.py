"""What ctrl-C and SIGTERM do to a study: its books are closed before it stops.

    once     no more trials; workers are ended, what ran is queued again, all is written and shipped
    twice    out at once, as after GRACE seconds; what is left open, the next run closes

The exception goes up from wherever the main thread is, be it deep in a training, but never from
the middle of an entry in the books: there it waits until the entry is made.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Who else has set a handler has plans of their own.
DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
GRACE = 25.0
QUEUED = "Interrupted: trials are queued again, and what is known is written down."
LAST_WORDS = "The study was interrupted; run it again to go on from here."


class Signals:
    """Handles a study's signals.

    Args:
        say: Tells the person in front of the study.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._taken: int | None = None
        self._is_leaving = False
        self._entries = 0
        self._clock: threading.Timer | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handles them while the context lasts: in the main thread, where nobody else does.

        Raises:
            KeyboardInterrupt: After ctrl-C.
            SystemExit: With status 143 after SIGTERM.
        """
        before = {number: signal.getsignal(number) for number in _free()}
        try:
            for number in before:
                signal.signal(number, self._handle)
            yield
        except KeyboardInterrupt:
            raise KeyboardInterrupt(LAST_WORDS) from None  # where it struck is of no interest
        finally:
            if self._clock is not None:
                self._clock.cancel()
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def entry(self) -> Iterator[None]:
        """Keeps the first signal waiting while the context lasts."""
        self._entries += 1
        try:
            yield
        finally:
            self._entries -= 1
        self._raise_if_due()

    @contextmanager
    def leaving(self, words: str = QUEUED) -> Iterator[None]:
        """Says what happens when a signal ends the context, and sees that it does not take long."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            self._is_leaving = True
            self._say(words)
            if self._taken is not None:
                self._clock = threading.Timer(GRACE, _repeat, [self._taken])
                self._clock.daemon = True
                self._clock.start()
            raise

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._taken is not None:
            _quit(number)
        self._taken = number
        self._raise_if_due()

    def _raise_if_due(self) -> None:
        if self._taken is None or self._entries or self._is_leaving:
            return
        raise KeyboardInterrupt if self._taken == signal.SIGINT else SystemExit(128 + self._taken)


def _free() -> list[signal.Signals]:
    if threading.current_thread() is not threading.main_thread():
        return []
    return [number for number, default in DEFAULTS.items() if signal.getsignal(number) == default]


def _quit(number: int) -> None:
    """Ends this process as the signal alone would; where somebody types, the call alone."""
    if "ps1" in vars(sys):  # Python's prompt, IPython, notebooks
        raise KeyboardInterrupt
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _repeat(number: int) -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, number)
