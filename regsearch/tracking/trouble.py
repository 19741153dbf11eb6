"""How a tracker says that something is wrong: once for each kind of trouble, and never by raising.

A search that has run for hours must not end because its log book is full. Where warnings are turned
into errors, the message goes to the log instead.
"""

from __future__ import annotations

import logging
import warnings


class TrackingWarning(UserWarning):
    """What a study reports cannot be written down where it should be, at least for now."""


class Trouble:
    """Warns of each kind of trouble once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, kind: str, message: str) -> None:
        """Warns with `message`, unless it has warned of this kind before."""
        if kind in self._said:
            return
        self._said.add(kind)
        try:
            warnings.warn(message, TrackingWarning, stacklevel=3)
        except TrackingWarning:
            logging.getLogger("regsearch").warning(message)
