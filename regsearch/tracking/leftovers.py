"""Ships what studies could not: spools that have no writer any more, and no shipper.

A store that was down, or a machine that went down, leaves events in a spool. The next study of the
same store ships them; so does whoever wants to look at them now.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from regsearch.tracking.answers import Unreachable
from regsearch.tracking.shipment import STRIKES, Shipment
from regsearch.tracking.spool import Spool, spools


@dataclass(frozen=True)
class Leftover:
    """What became of a spool that was found.

    Attributes:
        folder: Where it is, or was.
        study: The study's name.
        error: Why it is still there; "" if it was shipped.
    """

    folder: str
    study: str
    error: str


def ship_leftovers(root: Path) -> list[Leftover]:
    """Ships each spool in a folder that nobody else does, the oldest first."""
    found = []
    for spool in spools(root):
        try:
            lock = None if spool.written() else spool.take()
        except OSError as error:  # somebody else's
            found.append(Leftover(str(spool.folder), "", str(error)))
            continue
        if lock is not None:
            study = str(spool.opening().get("study", {}).get("name", ""))
            found.append(Leftover(str(spool.folder), study, _ship(spool, lock)))
    return found


def _ship(spool: Spool, lock: int) -> str:
    """Ships a spool whose lock is held, and lets go of it; returns why it could not be."""
    try:
        shipment = Shipment(spool, lock)
        while _step(shipment):
            pass
        shipment.conclude()
    except Exception as error:
        os.close(lock)
        return str(error) or type(error).__name__
    return ""


def _step(shipment: Shipment) -> bool:
    """Ships a chunk; one that fails for its own sake is tried until it is left out."""
    for _ in range(STRIKES):
        try:
            return shipment.step()
        except Unreachable:
            raise
        except Exception:
            continue
    return shipment.step()
