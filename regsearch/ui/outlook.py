"""What there is to look at, as an interpreter that knows MLflow tells it: see `reading.py`."""

from __future__ import annotations

import json
from dataclasses import dataclass


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


def understood(answer: str) -> Outlook | None:
    """Returns what an answer says; None if it is none."""
    try:
        fields = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        return None
    studies = tuple(Study(**study) for study in fields["studies"])
    return Outlook(tuple(fields["shipped"]), tuple(fields["kept"]), studies, fields["error"])
