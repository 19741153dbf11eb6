from __future__ import annotations

import re

from regsearch.figures.leaderboard import MOST, leaderboard, note
from tests.figures.synthetic import ODD, study


def test_trials_are_ranked_and_each_kinds_best_is_marked() -> None:
    text = leaderboard(study(trials=60))
    values = [
        float(v) for v in re.findall(r"</td><td>(\d\.\d{2,5})</td><td>\d\.\de|0</td>", text) if v
    ]
    assert values == sorted(values)
    assert text.count('class="first"') == 4


def test_a_long_table_ends_and_says_so() -> None:
    data = study(trials=400, epochs=6)
    data.trials["state"] = "complete"
    assert leaderboard(data).count("<tr") == MOST + 1
    assert "The best 100 of " in note(data)


def test_names_are_escaped() -> None:
    assert "<script" not in leaderboard(ODD["hostile names"]())


def test_nothing_complete_makes_no_table() -> None:
    assert leaderboard(ODD["all failed"]()) == ""
