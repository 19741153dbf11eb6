"""Writes a page to a file that a browser never sees half written."""

from __future__ import annotations

from pathlib import Path

from regsearch.tracking.whole_file import write_whole

ENDING = ".html"
ENDINGS = (ENDING, ".htm")
NAME = "report.html"


def write_page(html: str, path: str | Path) -> Path:
    """Writes a page and returns its file.

    Args:
        html: The page.
        path: Where to; `.html` is added if it does not end so, and folders are made. In a folder
            that is there, the file is `report.html`.

    Raises:
        OSError: If it cannot be written there; the message says what to do.
    """
    file = Path(path)
    try:
        file = _file(file.expanduser())
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, html.encode("utf-8", "replace"))
    except RuntimeError as error:  # a home that nobody has
        raise OSError(
            f"The report must be written to a file, but {file} is none: {error}"
        ) from error
    except OSError as error:
        raise type(error)(
            f"The report must be written to a file of yours, but {file} cannot be: "
            f"{error.strerror or error}. Give it another path."
        ) from error
    return file


def _file(path: Path) -> Path:
    if path.is_dir():
        return path / NAME
    return path if path.suffix in ENDINGS else path.with_name(f"{path.name}{ENDING}")
