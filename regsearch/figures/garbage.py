"""Work that makes a million small objects and keeps them, as drawing a page does.

Python's collector looks through all of them again and again for cycles to free, and finds none: a
quarter of the time of a page.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the collector of reference cycles from running inside."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
