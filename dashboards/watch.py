"""Watches a study: its page is drawn again every few seconds for as long as the study runs.

    python -m dashboards.watch digits

Open the file that is printed; it reloads itself. The study may run on another machine, as long as
it writes to the tracking store that is watched. Ends with the study or at ctrl-C; the page stays.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from regsearch.cli import store_options
from regsearch.figures.data import StudyData
from regsearch.figures.errors import ReadingError, UnreadableStoreError
from regsearch.figures.frames import StudyReader
from regsearch.figures.page import page
from regsearch.figures.page_file import write_page
from regsearch.figures.reporting import default_file

EVERY = 5.0


def watch(reader: StudyReader, name: str, output: str | Path, every: float = EVERY) -> Path:
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
    """
    data, runs = reader.read_running(name)
    file = write_page(page([data], refresh=every if runs else None), output)
    print(f"{file.absolute().as_uri()}", flush=True)
    try:
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


def parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(
        prog="python -m dashboards.watch",
        description="Watches a study on a page that reloads.",
        parents=[store_options()],
    )
    asked.add_argument("name", metavar="NAME", help="the study's name")
    asked.add_argument("--output", metavar="FILE", help="the page (report-NAME.html)")
    asked.add_argument(
        "--every",
        type=float,
        default=EVERY,
        metavar="SECONDS",
        help="between two versions (%(default)g)",
    )
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parser()
    given = asked.parse_args(arguments)
    if not 0 < given.every < float("inf"):
        asked.error(f"--every must be above 0 seconds, but got {given.every:g}")
    output = default_file([given.name]) if given.output is None else given.output
    try:
        watch(StudyReader(given.tracking_uri), given.name, output, given.every)
    except (ReadingError, OSError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
