from __future__ import annotations

import csv
import io
import math

from regsearch.tracking.table import metrics_table


def test_values_come_back_unchanged() -> None:
    rows = [
        (0, {"a,\n'\"": 0.1 + 0.2, "b": math.nan}),
        (5, {"b": -math.inf, "c": 1e-300}),
    ]
    found = list(csv.DictReader(io.StringIO(metrics_table(rows))))
    assert [row["step"] for row in found] == ["0", "5"]
    assert float(found[0]["a,\n'\""]) == 0.1 + 0.2
    assert math.isnan(float(found[0]["b"]))
    assert (found[0]["c"], found[1]["a,\n'\""]) == ("", "")
    assert (float(found[1]["b"]), float(found[1]["c"])) == (-math.inf, 1e-300)
