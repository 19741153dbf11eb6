"""The command `regsearch`: what people do with studies that have run.

    regsearch ui                   look at them in MLflow
    regsearch report digits mnist  write them into one page

`regsearch --help` answers at once: what a command needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from regsearch.figures.garbage import uncollected
from regsearch.tracking.places import DEFAULT, PORT

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the process's exit code.

    Args:
        arguments: The command line without the program's name; None is this process's own.
    """
    with interruptible():
        given = _parser().parse_args(arguments)
        return _ui(given) if given.command == "ui" else _report(given)


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes of a ctrl-C inside the quiet end that people mean by it; a second one ends at once.

    What is inside may catch the KeyboardInterrupt. It need not come out as one: a library that is
    cut short while it is imported raises an ImportError.

    Raises:
        SystemExit: With status 130 instead of what came of a ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal taken
        if taken:
            os._exit(INTERRUPTED)
        taken = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, take)
    try:
        yield
    except BaseException:
        if not taken:
            raise
        before = signal.SIG_DFL  # all that is left to do is to end
        # After a ctrl-C inside exec(), which dataclasses are made with, `python -m` ends by the
        # signal whatever the status is; another exec() makes Python forget it.
        exec("")
        raise SystemExit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="regsearch",
        description="Which penalty, and how strong? Look at studies that have run.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    store = store_options()
    _add_ui(commands, store)
    _add_report(commands, store)
    return parser


def store_options() -> argparse.ArgumentParser:
    """Returns the options of every command that reads a store, for `parents=[...]`."""
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument(
        "--tracking-uri",
        default=DEFAULT,
        metavar="URI",
        help="MLflow's tracking URI, a database or a server (default: %(default)s)",
    )
    return store


def _add_ui(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], store: argparse.ArgumentParser
) -> None:
    what = "open MLflow at the last study"
    ui = commands.add_parser(
        "ui",
        parents=[store],
        help=what,
        description="Stores what is left over in this folder, starts MLflow's own server on this "
        "machine alone, and opens a browser at the last study's charts. Ctrl-C ends it.",
    )
    ui.add_argument(
        "--port", type=_port, default=PORT, help="where to listen (default: %(default)s)"
    )
    ui.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the links, open nothing"
    )


def _add_report(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], store: argparse.ArgumentParser
) -> None:
    report = commands.add_parser(
        "report",
        parents=[store],
        help="write studies into one page",
        description="Writes a page that holds everything and needs no network: the report of one "
        "study, or the comparison of several.",
    )
    report.add_argument("names", nargs="+", metavar="NAME", help="a study's name")
    report.add_argument("--output", metavar="FILE", help="where to (default: after the names)")


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"1 <= port <= 65535 must hold, but got {text}")
    return port


def _ui(given: argparse.Namespace) -> int:
    from regsearch.ui.show import show

    return show(given.tracking_uri, given.port, browser=given.browser)


def _report(given: argparse.Namespace) -> int:
    with uncollected():
        from regsearch.figures.errors import ReadingError  # imports MLflow, pandas and Plotly
        from regsearch.figures.reporting import write_report

        try:
            file = write_report(given.names, tracking_uri=given.tracking_uri, output=given.output)
        except (ReadingError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
    print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
