"""What can keep a stored study from being read, as exceptions to catch.

    ReadingError
    ├── UnknownStudyError       the store has no study of this name; a LookupError, too
    └── UnreadableStoreError    there is no such store, it does not answer, or is of another version

Their texts say what to do and are meant to be shown alone.
"""

from __future__ import annotations


class ReadingError(RuntimeError):
    """A stored study cannot be read."""


class UnknownStudyError(ReadingError, LookupError):
    """The store has no study of this name."""


class UnreadableStoreError(ReadingError):
    """The store cannot be read."""
