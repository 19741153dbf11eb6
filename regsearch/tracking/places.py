"""Where a tracking URI leads: its database file, its artifacts, its page and its server.

A database is not a place people can look at: a server has to be started for it, and every link here
leads to where that server will be.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

HOST = "127.0.0.1"
PORT = 5000

_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]+)(.*)")
_DATABASE = re.compile(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?:")


def absolute(uri: str) -> str:
    """Returns the URI with the path of a SQLite file resolved against the working directory.

    Example:
        >>> absolute("http://127.0.0.1:5000")
        'http://127.0.0.1:5000'
    """
    match = _SQLITE.fullmatch(uri)
    if match is None or match[2] == ":memory:":
        return uri
    return f"{match[1]}{Path(match[2]).absolute()}{match[3]}"


def database_file(uri: str) -> Path | None:
    """Returns the SQLite file of a URI; None if it has none."""
    match = _SQLITE.fullmatch(uri)
    return None if match is None or match[2] == ":memory:" else Path(match[2])


def artifact_folder(uri: str) -> Path | None:
    """Returns where files go when a database is used directly; None where a server decides."""
    if _DATABASE.match(uri) is None:
        return None
    file = database_file(uri)
    return (Path.cwd() if file is None else file.parent.absolute()) / "mlartifacts"


def artifact_location(uri: str) -> str | None:
    """Returns `artifact_folder` as a URI."""
    folder = artifact_folder(uri)
    return None if folder is None else folder.as_uri()


def shown(uri: str) -> str:
    """Returns the URI without the user and password in it.

    Example:
        >>> shown("https://me:secret@mlflow.example/team")
        'https://mlflow.example/team'
    """
    return re.sub(r"//[^/@]*@", "//", uri)


def server_url(uri: str) -> str:
    """Returns the server's address: the URI's own, or that of the one `server_command` starts."""
    is_server = urlsplit(uri).scheme in ("http", "https")
    return shown(uri).rstrip("/") if is_server else f"http://{HOST}:{PORT}"


def study_url(uri: str, experiment: str, study_id: str, order: str, *, ascending: bool) -> str:
    """Returns the link to the charts of a study's trials.

    Args:
        uri: The tracking URI.
        experiment: The experiment's id.
        study_id: The study's tag.
        order: The metric that sorts the trials. Sorted by anything but time, MLflow shows them one
            by one; otherwise it folds them into the study's run, and there are no charts.
        ascending: Whether the smallest comes first.
    """
    wanted = f"tags.`regsearch.study_id` = '{study_id}' and tags.`regsearch.kind` = 'trial'"
    metric = quote(f"metrics.`{order}`")
    return (
        f"{server_url(uri)}/#/experiments/{quote(experiment)}/runs?searchFilter={quote(wanted)}"
        f"&orderByKey={metric}&orderByAsc={str(ascending).lower()}"
        "&compareRunsMode=CHART&workflowType=machine_learning"
    )


def server_command(uri: str, port: int = PORT) -> str | None:
    """Returns the shell command that serves a database's runs and files; None if a server does.

    One worker and no job runner: two processes instead of fifteen. The server listens on this
    machine alone, since it asks nobody for a password.
    """
    folder = artifact_folder(uri)
    if folder is None:
        return None
    settings = (
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true"
    )
    program = Path(sys.executable).with_name("mlflow")
    mlflow = shlex.quote(str(program)) if program.exists() else "mlflow"
    return (
        f"{settings} {mlflow} server --workers 1 --host {HOST} --port {port} "
        f"--backend-store-uri {shlex.quote(absolute(uri))} "
        f"--artifacts-destination {shlex.quote(str(folder))}"
    )
