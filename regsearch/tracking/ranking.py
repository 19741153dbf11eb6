"""A study's trials as the table that MLflow shows on the page of its run, the best first.

MLflow draws a CSV file as it is: every column, every digit. A file that is listed in the run's tag
`mlflow.loggedArtifacts` as a table (columns and rows as JSON) it draws with pages and a choice of
columns. So the study's `trials.csv` keeps everything, and this is what people read.
"""

from __future__ import annotations

import csv
import io
import json
import math
import traceback
from collections.abc import Mapping, Sequence

from regsearch.trials import Direction

SOURCE, FILE = "trials.csv", "ranking.json"
TAGS = {"mlflow.loggedArtifacts": json.dumps([{"path": FILE, "type": "table"}])}
FIRST = ("number", "value")  # what a narrow window shows: with the penalty and λ behind them
LAST = ("state", "reason", "seconds")
ZEROS = "sparsity/all"
HIDDEN = ("attempt", "retry_of", "started")
FAMILIES = ("loss/", "sparsity/", "near_zero/", "weight_norm/", "weights_p")
MOST_ROWS = 1000


def ranked(
    files: Mapping[str, str], direction: Direction
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Returns a study's files with the table among them, and the tags that it takes.

    The table is an extra: the files that it cannot be made of go without it.

    Args:
        files: Texts by name; without `trials.csv` they stay as they are.
        direction: Whether small or large values are good.
    """
    if SOURCE not in files:
        return files, {}
    try:
        return {**files, FILE: ranking(files[SOURCE], direction)}, TAGS
    except Exception:
        traceback.print_exc()  # where the process that ships keeps its log
        return files, {}


def ranking(trials: str, direction: Direction) -> str:
    """Returns the table as JSON.

    Args:
        trials: The CSV text of the trials' frame.
        direction: Whether small or large values are good.
    """
    reader = csv.DictReader(io.StringIO(trials))
    rows = list(reader)
    columns = _columns(reader.fieldnames or FIRST)
    rows.sort(key=lambda row: (row.get("state") != "complete", _loss(row.get("value"), direction)))
    data = [[_shown(row.get(name) or "") for name in columns] for row in rows[:MOST_ROWS]]
    return json.dumps({"columns": columns, "data": data})


def _columns(names: Sequence[str]) -> list[str]:
    """Returns the columns people compare: no layer's own, and what became of a trial last."""
    middle = [name for name in names if not name.startswith(FAMILIES)]
    middle = [name for name in middle if name not in (*FIRST, *LAST, *HIDDEN)]
    picked = [*FIRST, *middle, ZEROS, *LAST]
    return [name for name in picked if name in names]


def _loss(value: str | None, direction: Direction) -> float:
    """Returns what is small for a good trial, and infinite for one without a value."""
    try:
        number = float(value or "nan")
    except ValueError:
        return math.inf
    if not math.isfinite(number):
        return math.inf
    return number if direction == "minimize" else -number


def _shown(text: str) -> str:
    """Returns a number with four digits; any other text as it is."""
    try:
        return text if text.isdecimal() else f"{float(text):.4g}"
    except ValueError:
        return text
