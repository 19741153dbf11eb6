"""Where a tracking URI leads: its database file, its artifacts, its page and its server.

A database is not a place people can look at: a server has to be started for it, and every link here
leads to where that server will be.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from regsearch.tracking.labels import trials_filter

HOST = "127.0.0.1"
PORT = 5000
DEFAULT = "sqlite:///mlflow.db"
PLACEHOLDER = "USER:PASSWORD@"  # where a command has to hold them
SERVER_SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}

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


def shown(uri: str, instead: str = "") -> str:
    """Returns the URI without the user and password in it.

    Args:
        uri: Any text, an argument of a command as well.
        instead: What takes their place.

    Example:
        >>> shown("https://me:secret@mlflow.example/team")
        'https://mlflow.example/team'
    """
    if database_file(uri):
        return uri
    # SQLAlchemy takes a password with a slash in it, a web address ends at the first one.
    user = r"://[^:/@]*(:.*)?@" if _DATABASE.search(uri) else r"://[^/]*@"
    without = re.sub(user, lambda _: f"://{instead}", uri)
    return re.sub(r"(?i)([?&;][^=&;#]*pass[^=&;#]*=)[^&;#]*", r"\1***", without)


def store_options(uri: str) -> list[str]:
    """Returns what a command needs to find a store; passwords are left to the reader."""
    if absolute(uri) == absolute(DEFAULT):
        return []
    return ["--tracking-uri", shown(absolute(uri), PLACEHOLDER)]


def upgrade_command(uri: str) -> str:
    """Returns the command that brings a store's tables up to date, as `store_options` names it."""
    return shlex.join(["mlflow", "db", "upgrade", shown(uri, PLACEHOLDER)])


def is_server(uri: str) -> bool:
    """Tells whether the URI is a server's address."""
    return urlsplit(uri).scheme in ("http", "https")


def server_url(uri: str) -> str:
    """Returns the server's address: the URI's own, or that of the one `regsearch ui` starts."""
    return shown(uri).rstrip("/") if is_server(uri) else f"http://{HOST}:{PORT}"


def view_url(server: str, experiment: str, view: str) -> str:
    """Returns the link to a saved view, with its charts.

    Args:
        server: The server's address.
        experiment: The experiment's id.
        view: The view's id. A link that also says what to search or how to sort would be opened
            without the view.
    """
    return (
        f"{server}/#/experiments/{quote(experiment)}/runs?viewStateShareKey={quote(view)}"
        "&compareRunsMode=CHART&workflowType=machine_learning"
    )


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
    wanted = trials_filter(study_id)
    metric = quote(f"metrics.`{order}`")
    return (
        f"{server_url(uri)}/#/experiments/{quote(experiment)}/runs?searchFilter={quote(wanted)}"
        f"&orderByKey={metric}&orderByAsc={str(ascending).lower()}"
        "&compareRunsMode=CHART&workflowType=machine_learning"
    )


def artifact_url(server: str, experiment: str, run: str, file: str) -> str:
    """Returns the link to a file of a run."""
    page = f"{server}/#/experiments/{quote(experiment)}/runs/{quote(run)}"
    return f"{page}/artifacts/{quote(file)}?workflowType=machine_learning"


def local_path(uri: str) -> Path | None:
    """Returns the path of a file URI, or of a path; None if it lies elsewhere.

    Example:
        >>> str(local_path("file:///data/my%20runs"))
        '/data/my runs'
    """
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def ui_command(uri: str) -> str | None:
    """Returns the shell command that serves a database's runs and files; None if a server does."""
    if artifact_folder(uri) is None:
        return None
    program = Path(sys.executable).with_name("regsearch")
    on_path = shutil.which("regsearch") == str(program)
    named = ["regsearch"] if on_path else [str(program)]
    start = named if program.exists() else [sys.executable, "-m", "regsearch.cli"]
    return shlex.join([*start, "ui", *store_options(uri)])


def server_arguments(uri: str, port: int) -> list[str] | None:
    """Returns what MLflow's server of a database is started with; None if a server does already.

    One worker, and with `SERVER_SETTINGS` no job runner: two processes instead of fifteen, of which
    `regsearch.ui.guarded` makes one. It listens on this machine alone, since it asks nobody for a
    password.
    """
    folder = artifact_folder(uri)
    if folder is None:
        return None
    address = ["--workers", "1", "--host", HOST, "--port", str(port)]
    stores = ["--backend-store-uri", absolute(uri), "--artifacts-destination", str(folder)]
    return [*address, *stores]
