"""The process beside `regsearch ui`: it imports MLflow, reads the store, and goes on as its server.

Its arguments: SPOOLS URI SERVER, and those of `mlflow server` if there is to be one

Its answer is an `Outlook` as one line of JSON. Importing MLflow takes longer than all the rest:
once is enough.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from regsearch.tracking.catalog import entries, exhibit
from regsearch.tracking.database import flaw
from regsearch.tracking.leftovers import ship_leftovers
from regsearch.tracking.places import database_file, is_server, shown, upgrade_command
from regsearch.ui import guarded
from regsearch.ui.outlook import Outlook, Study

MOST = 5
ADVICE = (
    "Run a study in this folder first, or name another store with --tracking-uri; studies write to "
    "sqlite:///mlflow.db if they are told nothing."
)
SCHEMA = "out-of-date database schema"


def read(spools: Path, uri: str, server: str) -> Outlook:
    """Ships what is left over, and lists the last studies.

    Args:
        spools: The folder of all spools.
        uri: The tracking URI, with absolute paths.
        server: The address that links lead to.
    """
    found = ship_leftovers(spools)
    shipped = tuple(dict.fromkeys(left.study for left in found if not left.error))
    kept = tuple(f"{left.folder}: {shown(left.error)}" for left in found if left.error)
    missing = _missing(uri)
    if missing:
        return Outlook(shipped, kept, error=missing)
    try:
        return Outlook(shipped, kept, _studies(uri, server))
    except Exception as error:
        return Outlook(shipped, kept, error=_explained(uri, error))


def _missing(uri: str) -> str:
    file = database_file(uri)
    wrong = "" if file is None else flaw(file)
    return f"{wrong} {ADVICE}" if wrong else ""


def _studies(uri: str, server: str) -> tuple[Study, ...]:
    found = entries(uri, MOST)
    views = [e.view if i and e.view else exhibit(uri, e) for i, e in enumerate(found)]
    pairs = zip(found, views, strict=True)
    return tuple(Study(e.name, e.experiment, e.link(server, view)) for e, view in pairs)


def _explained(uri: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if SCHEMA in lines[0]:
        return (
            f"The store must be of the MLflow that is installed here, but {shown(uri)} is of "
            f"another version: {lines[0]} Make a copy of it, then run: {upgrade_command(uri)}"
        )
    said, kind = shown(lines[0]), "server" if is_server(uri) else "store"
    return f"MLflow must be able to read the {kind} {shown(uri)}, but got: {said[:300]}"


def main(arguments: Sequence[str]) -> None:
    """Answers, and serves what could be read."""
    guarded.end_with_owner()
    spools, uri, server, *serving = arguments
    outlook = read(Path(spools), uri, server)
    print(json.dumps(asdict(outlook)), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever reads the answer knows it is whole
    if serving and not outlook.error:
        guarded.serve(serving)
