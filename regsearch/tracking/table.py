"""A trial's metrics over its epochs as one CSV text: a row a report, a column a metric.

MLflow gives a metric's history one run and one key at a time; whoever draws a hundred trials reads
this file instead. Names are the reports' own, unchanged; an empty cell was not reported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence


def metrics_table(rows: Sequence[tuple[int, Mapping[str, float]]]) -> str:
    """Returns the table of a trial's steps and metrics.

    Example:
        >>> print(metrics_table([(0, {"val_loss": 0.5}), (1, {"val_loss": 0.25, "acc": 1.0})]))
        step,val_loss,acc
        0,0.5,
        1,0.25,1.0
        <BLANKLINE>
    """
    names = list(dict.fromkeys(name for _, metrics in rows for name in metrics))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["step", *names])
    for step, metrics in rows:
        writer.writerow([step, *(repr(metrics[n]) if n in metrics else "" for n in names)])
    return buffer.getvalue()
