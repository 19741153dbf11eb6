"""Puts studies side by side on one page: the best of each, their fronts, a card for every study.

    python -m dashboards.compare digits "digits, groups"

The page is one file that needs nothing but a browser.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from regsearch.cli import interruptible, store_options


def parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(
        prog="python -m dashboards.compare",
        description="Puts studies side by side on one page.",
        parents=[store_options()],
    )
    asked.add_argument("names", nargs="+", metavar="NAME", help="a study's name; two at least")
    asked.add_argument("--output", metavar="FILE", help="the page (compare-NAME-NAME.html)")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parser()
    given = asked.parse_args(arguments)
    if len(set(given.names)) < 2:
        asked.error("a comparison needs two studies; `regsearch report NAME` shows one")
    with interruptible():
        _compare(given)


def _compare(given: argparse.Namespace) -> None:
    from regsearch.figures.errors import ReadingError  # imports MLflow, pandas and Plotly
    from regsearch.figures.reporting import write_report

    try:
        file = write_report(given.names, tracking_uri=given.tracking_uri, output=given.output)
    except (ReadingError, OSError) as error:
        raise SystemExit(str(error)) from None
    print(file.absolute())


if __name__ == "__main__":
    main()
