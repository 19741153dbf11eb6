"""Watches a study: its page is drawn again every few seconds for as long as the study runs.

    python -m dashboards.watch digits

Open the file that is printed; it reloads itself. The study may run on another machine, as long as
it writes to the tracking store that is watched. Ends with the study or at ctrl-C; the page stays.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from regsearch.cli import interruptible, store_options

EVERY = 5.0


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
    with interruptible():
        _watch(given)


def _watch(given: argparse.Namespace) -> None:
    from dashboards.following import follow  # imports MLflow, pandas and Plotly
    from regsearch.figures.errors import ReadingError
    from regsearch.figures.frames import StudyReader
    from regsearch.figures.reporting import default_file

    output = default_file([given.name]) if given.output is None else given.output
    try:
        follow(StudyReader(given.tracking_uri), given.name, output, given.every)
    except (ReadingError, OSError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
