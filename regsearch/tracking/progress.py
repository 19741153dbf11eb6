"""How far a spool is shipped: written by the process that ships it, read by the study.

The file is replaced as a whole, so a reader sees the one state or the next. It also maps the
trials' numbers to MLflow's run ids, which only the shipping process learns.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from regsearch.tracking.whole_file import write_whole


@dataclass
class Progress:
    """The state of one spool's shipping.

    Attributes:
        offset: Bytes of events that the store has acknowledged.
        connected: Whether the store has answered the process that ships now.
        error: Why nothing is shipped at the moment; "" if it is.
        since: When that began, in seconds since the epoch.
        refused: What the store will never take, as it said; "" if nothing.
        remark: Why the saved views are not there, or not in full; "" if they are.
        view: The id of the study's Overview; "" while there is none.
        experiment: MLflow's id of the experiment.
        study: MLflow's id of the study's run.
        folder: The URI below which the files of the study's run are.
        best: The best value of the study before this session.
        runs: MLflow's run ids by trial number.
    """

    offset: int = 0
    connected: bool = False
    error: str = ""
    since: float = 0.0
    refused: str = ""
    remark: str = ""
    view: str = ""
    experiment: str = ""
    study: str = ""
    folder: str = ""
    best: float | None = None
    runs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Progress:
        """Returns what the file says; the beginning if there is none."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, path: Path) -> None:
        """Replaces the file."""
        write_whole(path, json.dumps(asdict(self)).encode())
