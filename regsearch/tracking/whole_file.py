"""Files that a reader sees as they were or as they will be, never half written."""

from __future__ import annotations

import os
from pathlib import Path

LONGEST = 50  # characters of a file's name; with the rest of it a name may take 255 bytes


def write_whole(file: Path, content: bytes) -> None:
    """Writes a file beside its place, and moves it there.

    What a process that is killed meanwhile leaves behind is named `.4711.` and the end of the name,
    so that whoever looks for files by their ending finds it.

    Raises:
        OSError: If it cannot be written; the file is as it was.
    """
    beside = file.with_name(f".{os.getpid()}.{file.name[-LONGEST:]}")
    try:
        beside.write_bytes(content)
        os.replace(beside, file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
