from __future__ import annotations

import math

import pytest

from regsearch.palette import OTHER_COLOR, PENALTY_COLORS
from regsearch.tracking import labels


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"penalty": "l1", "lam": 0.0026}, "0007 l1 2.6e-03"),
        ({"penalty": "none", "lam": 0.0}, "0007 none"),
        ({}, "0007"),
        ({"penalty": "my\nown", "lam": "much"}, "0007 my own"),
    ],
)
def test_names_are_short(params: dict[str, object], name: str) -> None:
    assert labels.trial_name(7, params) == name


@pytest.mark.parametrize("lam", [0, 0.0, -1.0, math.inf, math.nan, None, "much"])
def test_no_logarithm_where_there_is_none(lam: object) -> None:
    assert labels.trial_params({"lam": lam}) == {"lam": str(lam)}


def test_the_logarithm_is_to_the_base_ten() -> None:
    assert labels.trial_params({"lam": 0.001})["log10_lam"] == "-3.0"


def test_each_penalty_has_a_colour_of_its_own() -> None:
    assert len({*PENALTY_COLORS.values(), OTHER_COLOR}) == len(PENALTY_COLORS) + 1
    assert labels.trial_tags(0, 0, {"penalty": "l1"})["mlflow.runColor"] == PENALTY_COLORS["l1"]
    assert labels.trial_tags(0, 0, {"penalty": "?"})["mlflow.runColor"] == OTHER_COLOR


def test_keys_tell_trials_of_long_named_studies_apart() -> None:
    keys = {labels.trial_key("x" * 9000 + end, 1, attempt) for end in "ab" for attempt in (0, 1)}
    assert len(keys) == 4
    assert max(map(len, keys)) <= 8000
    assert labels.trial_key("digits", 15, 2) == "digits:15:2"
