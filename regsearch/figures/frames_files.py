"""A run's files, wherever they are kept: one that is missing is told from one out of reach.

A trial that failed at once has no files, which is no reason to say anything. A server that is down
for a minute has them all, and must not be taken for one that has none.
"""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from regsearch.figures.errors import UnreadableStoreError, brief
from regsearch.figures.frames_runs import StoredRun
from regsearch.tracking.places import local_path, shown

NO_SUCH = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")  # as MLflow says it
NOT_FOUND = 404


class Listed(Protocol):
    """What a listing tells of a file."""

    @property
    def path(self) -> str: ...


class Files(Protocol):
    """The files of a run, as MLflow's `ArtifactRepository` has them."""

    def _download_file(self, remote_file_path: str, local_path: str) -> object: ...
    def list_artifacts(self, path: str) -> Sequence[Listed]: ...


def content(run: StoredRun, path: str, uri: str) -> bytes:
    """Returns the content of a run's file; b"" if there is none.

    Args:
        run: The run.
        path: The file's path below the run's folder.
        uri: The tracking URI of its store.

    Raises:
        UnreadableStoreError: If there may be one, but it cannot be read.
    """
    found = source(run, path, uri)
    return found if isinstance(found, bytes) else found.read_bytes()


def source(run: StoredRun, path: str, uri: str) -> Path | bytes:
    """Returns a run's file, where it lies elsewhere its content; b"" if there is none.

    Arguments and errors as of `content`.
    """
    try:
        folder = local_path(run.place)
        if folder is not None:
            return here(folder / path)
        from mlflow.store.artifact import artifact_repository_registry as registry  # takes seconds

        return fetched(registry.get_artifact_repository(run.place, tracking_uri=uri), path)
    except Exception as error:  # each kind of place has errors of its own
        raise UnreadableStoreError(
            f"{path} of run {run.run_id} must be readable in {shown(run.place)}, but got: "
            f"{brief(error)} See that this machine may read there, and try again."
        ) from None


def here(file: Path) -> Path | bytes:
    """Returns a file of this machine, if it can be read; b"" if there is none.

    Raises:
        OSError: If there is one that cannot be read.
    """
    try:
        file.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    return file


def fetched(files: Files, path: str) -> bytes:
    """Returns the content of a file that lies elsewhere; b"" if there is none.

    Raises:
        Exception: Whatever that place has to say, if there may be one.
    """
    with tempfile.TemporaryDirectory() as there:
        file = Path(there, "file")
        try:  # one question, where the public download_artifacts asks three
            files._download_file(path, str(file))
        except Exception as error:
            if _is_missing(error) or not _is_listed(files, path):
                return b""
            raise
        return file.read_bytes()


def _is_missing(error: Exception) -> bool:
    told = vars(error)
    response = told.get("response")  # of an HTTP client
    status = None if response is None else vars(response).get("status_code")
    is_said = told.get("error_code") in NO_SUCH or status == NOT_FOUND
    return is_said or isinstance(error, FileNotFoundError)


def _is_listed(files: Files, path: str) -> bool:
    """Tells whether a file is there, for a server of a bucket says 500 if it is not."""
    try:
        found = files.list_artifacts(posixpath.dirname(path))
    except Exception:
        return True  # for all we know
    return path in {file.path for file in found}
