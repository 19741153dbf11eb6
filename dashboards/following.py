"""A page that is drawn again and again for as long as its study runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from regsearch.figures.data import StudyData
from regsearch.figures.errors import UnreadableStoreError
from regsearch.figures.frames import StudyReader
from regsearch.figures.page import page
from regsearch.figures.page_file import write_page


def follow(reader: StudyReader, name: str, output: str | Path, every: float) -> Path:
    """Draws a study's page until the study ends or at ctrl-C, and once more then.

    Args:
        reader: Reads the store.
        name: The study.
        output: Where to, see `write_page`.
        every: Seconds between two versions; the page reloads itself as often.

    Returns:
        The page's file.

    Raises:
        ReadingError: If the study cannot be read the first time; later on, it is tried again.
        OSError: If the file cannot be written.
        KeyboardInterrupt: At ctrl-C before there is a page, or while the last one is drawn.
    """
    data, runs = reader.read_running(name)
    file = write_page(page([data], refresh=every if runs else None), output)
    try:
        print(f"{file.absolute().as_uri()}", flush=True)
        while runs:
            time.sleep(every)
            data, runs = _next(reader, data)
            write_page(page([data], refresh=every if runs else None), file)
    except KeyboardInterrupt:
        write_page(page([data]), file)
    print(f"{len(data.trials)} trials; the page stays as it is.")
    return file


def _next(reader: StudyReader, data: StudyData) -> tuple[StudyData, bool]:
    """Returns how the study stands; what is known of it where the store does not answer."""
    try:
        return reader.read_running(data.name)
    except UnreadableStoreError as error:
        print(f"{error} It is asked again.", file=sys.stderr, flush=True)
        return data, True
