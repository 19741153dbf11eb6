"""`regsearch ui`, from the first line it prints to the last."""

from __future__ import annotations

import os
import signal
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from regsearch.tracking.mlflow import SPOOL
from regsearch.tracking.places import HOST, absolute, is_server, server_arguments, server_url, shown
from regsearch.tracking.waiting import Waiting, waiting
from regsearch.ui.outlook import Outlook, Study
from regsearch.ui.server import Server, ServerError, free_port, is_free


class _Ended(BaseException):
    """Somebody asked for the end.

    Args:
        number: The signal by which he did.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def show(uri: str, port: int, *, browser: bool) -> int:
    """Serves a tracking store until it is told to end, and returns the process's exit code.

    That is 0 if it is told so while it serves, and 130 at a ctrl-C before.

    Args:
        uri: The tracking URI: a database, or a server that runs already.
        port: Where to listen on this machine.
        browser: Whether to open one.
    """
    with _ending():
        try:
            return _show(absolute(uri), port, browser)
        except ServerError as error:
            return _refuse(str(error))
        except _Ended as early:
            return 128 + early.number  # as shells count


def _show(uri: str, port: int, browser: bool) -> int:
    arguments = server_arguments(uri, port)
    if arguments is None and not is_server(uri):
        return _refuse(
            f"--tracking-uri must be a database or a server's address, but got {shown(uri)!r}. For "
            "example: sqlite:///mlflow.db or http://127.0.0.1:5000"
        )
    if arguments is not None and not is_free(port):
        return _refuse(
            f"Port {port} must be free, but something listens there already. Choose another: "
            f"regsearch ui --port {free_port()}"
        )
    address = server_url(uri) if arguments is None else f"http://{HOST}:{port}"
    spools = Path(SPOOL).absolute()
    _announce(waiting(spools))
    with Server([str(spools), uri, address, *(arguments or ())], port) as server:
        outlook = server.outlook()
        _tell(outlook)
        if outlook.error:
            return _refuse(_printable(outlook.error))
        if arguments is None:
            return _lead(address, outlook.studies, browser)
        _serve(server, address, outlook.studies, browser)
    print("Ended.")
    return 0


def _serve(server: Server, address: str, studies: Sequence[Study], browser: bool) -> None:
    print(f"MLflow starts at {address} (this machine alone: it asks for no password) ...")
    server.wait_until_it_answers()
    _lead(address, studies, browser)
    print("Ctrl-C ends it.", flush=True)
    with suppress(_Ended):
        server.wait_until_it_ends()


def _lead(address: str, studies: Sequence[Study], browser: bool) -> int:
    """Prints where to look, and opens a browser there."""
    for study in studies:
        print(f"{_printable(study.name)} ({_printable(study.experiment)}):\n  {study.link}")
    if not studies:
        print(f"There is no study in this store yet.\n  {address}")
    link = studies[0].link if studies else address
    sys.stdout.flush()
    if browser and not _opened(link):
        print("There is no browser to open here: open the link yourself.", flush=True)
    return 0


def _printable(text: str) -> str:
    """Returns any text on one line, without what would steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _opened(link: str) -> bool:
    """Opens a browser; one that would take over the terminal is none."""
    screen = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if not screen and not os.environ.get("BROWSER"):
        return False
    try:
        return webbrowser.open(link)
    except webbrowser.Error:
        return False


def _announce(left: Waiting) -> None:
    if not left.studies:
        return
    studies = "1 study" if left.studies == 1 else f"{left.studies} studies"
    reports = "1 report" if left.reports == 1 else f"{left.reports} reports"
    print(f"Storing what is left over of {studies}: {reports} ...", flush=True)


def _tell(outlook: Outlook) -> None:
    for study in outlook.shipped:
        print(f"Stored what was left over of {_printable(study) or 'a study'}.")
    for place in outlook.kept:
        print(f"Still not stored, and kept in {_printable(place)}", file=sys.stderr)


def _refuse(message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    return 1


@contextmanager
def _ending() -> Iterator[None]:
    """Makes ctrl-C, a closed terminal and a polite kill one and the same."""

    def end(number: int, frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)  # once is enough: let the end come to its end
        raise _Ended(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
