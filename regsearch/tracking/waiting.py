"""What waits in a folder of spools for somebody to ship it, counted without MLflow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from regsearch.tracking.events import encode
from regsearch.tracking.progress import Progress
from regsearch.tracking.spool import Spool, spools

REPORT = encode({"kind": "report"}).rstrip(b"}\n")


@dataclass(frozen=True)
class Waiting:
    """How much waits.

    Attributes:
        studies: Of how many studies.
        reports: How many reports of their trials.
    """

    studies: int = 0
    reports: int = 0


def waiting(root: Path) -> Waiting:
    """Counts what waits in the spools that have neither a writer nor somebody who ships them."""
    left = [spool for spool in spools(root) if _is_left(spool)]
    names = {str(spool.opening().get("study", {}).get("name")) for spool in left}
    return Waiting(len(names), sum(map(_reports, left)))


def _is_left(spool: Spool) -> bool:
    try:
        lock = None if spool.written() else spool.take()
    except OSError:  # somebody else's
        return False
    if lock is not None:
        os.close(lock)
    return lock is not None


def _reports(spool: Spool) -> int:
    """Counts lines by how they begin: to read all that stands in them takes a minute a gigabyte."""
    try:
        with spool.events.open("rb") as lines:
            lines.seek(Progress.load(spool.progress).offset)
            return sum(line.startswith(REPORT) for line in lines)
    except OSError:  # shipped by now
        return 0
