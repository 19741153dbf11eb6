"""What can stop a search, as exceptions to catch.

    SearchError
    ├── StorageHeldError      another process writes to this storage
    ├── StorageError          the storage cannot be opened or written
    ├── StudyChangedError     the stored study of this name asks another question
    └── RepeatedFailureError  trial after trial fails

Wrong arguments are `ValueError` or `TypeError`, as everywhere.
"""

from __future__ import annotations


class SearchError(RuntimeError):
    """A search could not start, or had to stop."""


class StorageHeldError(SearchError):
    """Another coordinator has this storage open."""


class StorageError(SearchError):
    """The storage cannot be opened or written."""


class StudyChangedError(SearchError):
    """A study of this name is stored, with another space, task or seed."""


class RepeatedFailureError(SearchError):
    """Trials kept failing; the message holds the last traceback."""
