"""Studies in a store, by name, to one page in a file: what `regsearch report` does.

One study makes a report, several a comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from regsearch.figures.frames import StudyReader
from regsearch.figures.page import page
from regsearch.figures.page_file import ENDING, write_page
from regsearch.tracking.names import checksum
from regsearch.tracking.places import DEFAULT

LONGEST = 60


def write_report(
    names: Sequence[str],
    *,
    tracking_uri: str = DEFAULT,
    output: str | Path | None = None,
) -> Path:
    """Writes the page of one study, or of several side by side, and returns its file.

    Args:
        names: The studies; a name that comes twice counts once.
        tracking_uri: MLflow's tracking URI: a database or a server.
        output: Where to, see `write_page`; None is a name made of the studies' in this folder.

    Raises:
        ReadingError: If a study or the store cannot be read.
        OSError: If the file cannot be written.
    """
    chosen = list(dict.fromkeys(names))
    reader = StudyReader(tracking_uri)
    studies = [reader.read(name) for name in chosen]
    return write_page(page(studies), default_file(chosen) if output is None else output)


def default_file(names: Sequence[str]) -> Path:
    """Returns the file of a page that nobody gave a name; other studies have another file.

    Example:
        >>> str(default_file(["digits"])), str(default_file(["a/b c", "d"]))
        ('report-digits.html', 'compare-a_b_c-d-aeabd5.html')
    """
    kind = "report" if len(names) == 1 else "compare"
    words = "-".join([kind, *names])
    fitting = re.sub(r"[^\w.-]+", "_", words)[:LONGEST]
    is_unclear = len(names) > 1 and any("-" in name for name in names)
    if fitting != words or is_unclear:
        fitting = f"{fitting}-{checksum(json.dumps(names), 6)}"
    return Path(f"{fitting}{ENDING}")
