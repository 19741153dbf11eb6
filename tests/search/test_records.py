"""Records that an earlier version stored."""

from __future__ import annotations

import json
import sqlite3

import pandas as pd

from tests.search.toys import DB, go, study


def test_a_record_that_does_not_say_when_it_began_still_loads() -> None:
    before = go(study(3, storage=DB)).trials
    with sqlite3.connect("study.db") as database:
        rows = database.execute(
            "SELECT trial_user_attribute_id, value_json FROM trial_user_attributes "
            "WHERE key = 'regsearch.record'"
        ).fetchall()
        for row, text in rows:
            stored = json.loads(text)
            assert stored.pop("started") > 0
            database.execute(
                "UPDATE trial_user_attributes SET value_json = ? WHERE trial_user_attribute_id = ?",
                (json.dumps(stored), row),
            )
    assert len(rows) == 3
    after = go(study(3, storage=DB)).trials
    pd.testing.assert_frame_equal(after, before, check_exact=False, atol=0.5)
    assert after["started"].is_monotonic_increasing
