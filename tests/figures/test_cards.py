from __future__ import annotations

import pandas as pd

from regsearch.figures.cards import busy_seconds, cards_of, summary
from regsearch.figures.ranking import complete, table
from tests.figures.synthetic import ODD, study


def test_the_best_is_first_and_the_rest_follow() -> None:
    data = study(trials=60)
    cards = cards_of(data)
    best = complete(table(data)).iloc[0]
    assert [card.label for card in cards] == [
        "Best val_loss",
        "Against no penalty",
        "Zeros for free",
        "Trials",
        "Saved by pruning",
    ]
    assert cards[0].value == f"{best['value']:#.4g}"
    assert f"#{best['number']} " in cards[0].detail
    assert cards[1].value.endswith("% lower")


def test_zeros_for_free_cost_nothing() -> None:
    data = study(trials=60)
    rows = complete(table(data))
    free = rows[rows["lam"] == 0]["cost"].iloc[0]
    most = rows[rows["cost"] <= free]["sparsity/all"].max()
    assert cards_of(data)[2].value == f"{100 * most:.0f}%"


def test_much_is_better_where_it_is() -> None:
    assert cards_of(ODD["maximized"]())[1].value.endswith("% higher")


def test_a_study_without_a_complete_trial_has_no_best() -> None:
    for name in ("bare", "all pruned", "all failed", "all running"):
        cards = cards_of(ODD[name]())
        assert cards[0].value == "–"
        assert cards[0].detail == "no trial is complete yet"
        assert "Against no penalty" not in [card.label for card in cards]


def test_the_goal_stands_in_the_summary() -> None:
    assert summary(study()).startswith("minimizes val_loss · 40 trials · took ")
    assert summary(ODD["bare"]()) == "minimizes val_loss · 0 trials"


def test_the_night_between_two_starts_of_a_study_is_not_counted() -> None:
    trials = pd.DataFrame({"started": [0.0, 1.0, 90_000.0], "seconds": [2.0, 3.0, 1.0]})
    assert busy_seconds(trials) == 5.0
