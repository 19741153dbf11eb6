from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pytest

from regsearch.figures.data import StudyData, WeightHistory
from regsearch.figures.weights_widget import MOST_RIDGES, WIDGETS, weights_widget
from tests.figures.synthetic import HOSTILE, ODD, study

MOST_CHARACTERS = 1_500_000


def _studies(fragment: str) -> list[dict[str, Any]]:
    found = re.search(r"^const data = (.*);$", fragment, re.MULTILINE)
    assert found is not None
    studies: list[dict[str, Any]] = json.loads(found[1])["studies"]
    return studies


def _large(trials: int = 200, layers: int = 6, epochs: int = 40) -> StudyData:
    counts = np.full((epochs, 64), 10**6)
    history = WeightHistory(
        np.arange(epochs), counts, np.zeros(epochs, int), np.linspace(-1, 1, 65)
    )
    weights = {f"block.{i}.weight": history for i in range(layers)}
    data = study(trials=trials, epochs=2)
    return dataclasses.replace(data, weights=dict.fromkeys(range(trials), weights))


def test_every_trial_has_every_layer_in_the_layer_s_bins() -> None:
    [found] = _studies(weights_widget([study()]))
    assert len(found["trials"]) == 12
    for trial in found["trials"]:
        for layer, series in zip(found["layers"], trial["series"], strict=True):
            assert len(series["steps"]) == len(series["zeros"]) == 5
            assert len(series["heights"]) == 2 * 5 * layer["bins"]


def test_the_strongest_penalty_comes_first_and_none_last() -> None:
    [found] = _studies(weights_widget([study()]))
    labels = [trial["label"].removeprefix("★ ") for trial in found["trials"]]
    strengths = [float(label.removeprefix("λ ")) for label in labels[:-1]]
    assert strengths == sorted(strengths, reverse=True)
    assert labels[-1] == "no penalty"


def test_the_best_trial_is_marked_once() -> None:
    data = study()
    [found] = _studies(weights_widget([data]))
    [best] = [trial["text"] for trial in found["trials"] if trial["best"]]
    drawn = data.trials[data.trials["number"].isin([*data.weights])]
    drawn = drawn[drawn["state"] == "complete"]
    assert best.startswith(f"★ #{drawn.loc[drawn['value'].idxmin(), 'number']} ")


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_large_studies_stays_small(count: int) -> None:
    data = _large()
    fragment = weights_widget([dataclasses.replace(data, name=f"s{i}") for i in range(count)])
    found = _studies(fragment)
    ridges = sum(len(s["steps"]) for st in found for t in st["trials"] for s in t["series"])
    assert ridges <= MOST_RIDGES
    assert len(fragment) < MOST_CHARACTERS
    assert [study["name"] for study in found] == [f"s{i}" for i in range(count)]
    assert all("of 200 trials, evenly over λ" in study["note"] for study in found)


def test_a_hundred_layers_stay_small() -> None:
    fragment = weights_widget([_large(trials=40, layers=100, epochs=30)])
    [found] = _studies(fragment)
    assert 1 < len(found["layers"]) < 100
    assert len(fragment) < MOST_CHARACTERS


@pytest.mark.parametrize("name", [*ODD])
def test_odd_studies_are_drawn_or_left_out(name: str) -> None:
    data = ODD[name]()
    fragment = weights_widget([data])
    assert bool(fragment) == any(data.weights.get(n) for n in data.trials.get("number", []))
    assert "NaN" not in fragment


def test_names_stay_names() -> None:
    fragment = weights_widget([ODD["hostile names"]()])
    assert fragment.lower().count("<script") == fragment.lower().count("</script") == 1
    [found] = _studies(fragment)
    assert found["layers"][0]["name"] == f"{HOSTILE}0"


def test_it_asks_no_network_for_anything() -> None:
    fragment = weights_widget([study()])
    assert "http" not in fragment
    assert not re.search(r"\s(src|href)=", fragment)


def test_a_trial_that_ran_away_is_said_to_be_cut() -> None:
    data = study()
    far = {
        name: dataclasses.replace(history, edges=history.edges * 1024)
        for name, history in data.weights[3].items()
    }
    [found] = _studies(
        weights_widget([dataclasses.replace(data, weights={**data.weights, 3: far})])
    )
    assert {layer["note"] for layer in found["layers"]} == {"1 trial reached beyond what is drawn."}


def test_studies_without_weights_give_nothing() -> None:
    assert weights_widget([]) == ""
    assert weights_widget([ODD["bare"](), ODD["no curves"]()]) == ""
    assert len(_studies(weights_widget([ODD["bare"](), study()]))) == 1


def test_the_page_has_it() -> None:
    [widget] = WIDGETS
    assert widget.html([study()])
