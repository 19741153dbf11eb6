"""What there is to look at, asked of an interpreter that knows MLflow.

This process imports nothing heavy: it answers ctrl-C at once, and holds no memory while it waits
beside the server. `reading.py` is the other end.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from regsearch.tracking import interpreter


@dataclass(frozen=True)
class Study:
    """A study, its experiment, and the link to its charts."""

    name: str
    experiment: str
    link: str


@dataclass(frozen=True)
class Outlook:
    """What was found.

    Attributes:
        shipped: Studies of which something was left over, and is stored now.
        kept: Where something still is, and why.
        studies: The last studies, the very last one first.
        error: Why the store cannot be read; "" if it can.
    """

    shipped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    studies: tuple[Study, ...] = ()
    error: str = ""


def look(spools: Path, uri: str, server: str) -> Outlook:
    """Ships what is left over, and lists the last studies.

    Args:
        spools: The folder of all spools.
        uri: The tracking URI, with absolute paths.
        server: The address that links lead to.
    """
    with interpreter.start(
        "regsearch.ui.reading",
        *(str(spools), uri, server),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            answer, complaints = (said.decode(errors="replace") for said in process.communicate())
        except BaseException:
            process.kill()
            raise
    return _understood(answer, complaints or f"ended with code {process.returncode}")


def _understood(answer: str, complaints: str) -> Outlook:
    try:
        fields = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        lines = complaints.strip().splitlines() or ["it ended without a word"]
        return Outlook(error=lines[-1])
    studies = tuple(Study(**study) for study in fields["studies"])
    return Outlook(tuple(fields["shipped"]), tuple(fields["kept"]), studies, fields["error"])
