"""What can keep a stored study from being read, as exceptions to catch.

    ReadingError
    ├── UnknownStudyError       the store has no study of this name; a LookupError, too
    └── UnreadableStoreError    there is no such store, it does not answer, or is of another version

Their texts say what to do and are meant to be shown alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from regsearch.tracking.places import shown

ADVICE = (
    "Name the store with --tracking-uri (tracking_uri=...), or go to the folder in which the study "
    "ran."
)


class ReadingError(RuntimeError):
    """A stored study cannot be read."""


class UnknownStudyError(ReadingError, LookupError):
    """The store has no study of this name."""


class UnreadableStoreError(ReadingError):
    """The store cannot be read."""


def brief(error: BaseException) -> str:
    """Returns the cause in a line: the system's own words where there are any."""
    system = [e.strerror for e in _causes(error) if isinstance(e, OSError) and e.strerror]
    said = str(error).strip().splitlines() or [type(error).__name__]
    line = textwrap.shorten(system[-1] if system else said[0], 240, placeholder=" …")
    return f"{shown(line).rstrip('.')}."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
