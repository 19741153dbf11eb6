from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from regsearch.figures.data import StudyData
from regsearch.figures.ranking import (
    SPARSITY,
    best_of_kinds,
    complete,
    front,
    kinds,
    representative,
    table,
)
from tests.figures.synthetic import ODD, study


def _study(**columns: list[object]) -> StudyData:
    return StudyData("s", "val_loss", "minimize", pd.DataFrame(columns), pd.DataFrame())


def test_what_nobody_filled_is_missing_numbers() -> None:
    frame = table(_study(number=[0], state=["complete"], value=[None]))
    assert frame["lam"].isna().all()
    assert frame["penalty"].tolist() == [""]
    assert complete(frame).empty


def test_values_that_are_not_finite_do_not_rank() -> None:
    data = _study(number=[0, 1, 2], state=["complete"] * 3, value=[math.inf, 0.3, math.nan])
    assert complete(table(data))["number"].tolist() == [1]


def test_the_best_is_first_and_of_equals_the_earliest() -> None:
    data = _study(number=[0, 1, 2], state=["complete"] * 3, value=[0.5, 0.4, 0.4])
    assert complete(table(data))["number"].tolist() == [1, 2, 0]
    assert complete(table(replace(data, direction="maximize")))["number"].tolist() == [0, 1, 2]


def test_pruned_trials_are_nobodys_best() -> None:
    data = _study(number=[0, 1], state=["pruned", "complete"], value=[0.1, 0.4])
    assert complete(table(data))["number"].tolist() == [1]


def test_no_trial_of_the_front_is_beaten_and_each_other_one_is() -> None:
    rows = complete(table(study(trials=60)))
    edge = front(rows)
    assert 0 < len(edge) < len(rows)
    for row in rows.itertuples():
        gain = rows.loc[row.Index, SPARSITY]
        better = (edge["cost"] <= row.cost) & (edge[SPARSITY] >= gain)
        strictly = (edge["cost"] < row.cost) | (edge[SPARSITY] > gain)
        assert (better & strictly).any() == (row.Index not in edge.index)


def test_kinds_stand_in_the_order_of_the_package() -> None:
    frame = table(_study(penalty=["mine", "l2", "none", "l1", "l2"]))
    assert kinds(frame) == ["none", "l1", "l2", "mine"]


def test_each_kind_has_one_best() -> None:
    best = best_of_kinds(table(study(trials=60)))
    assert sorted(best["penalty"]) == ["elastic_net", "l1", "l2", "none"]
    assert best["cost"].is_monotonic_increasing


@pytest.mark.parametrize("limit", [2, 3, 10, 99, 100, 200])
def test_a_choice_keeps_the_first_and_the_last(limit: int) -> None:
    chosen = representative(range(100), limit)
    assert len(chosen) == len({*chosen}) == min(limit, 100)
    assert chosen[0] == 0
    assert chosen[-1] == 99


@pytest.mark.parametrize("name", ODD)
def test_a_table_of_any_study_has_the_same_columns(name: str) -> None:
    frame = table(ODD[name]())
    assert {"number", "state", "value", "cost", "lam", SPARSITY} <= {*frame.columns}
    assert frame["value"].dtype == float


def test_of_equally_good_trials_the_sparsest_alone_is_on_the_front() -> None:
    data = _study(number=[0, 1], state=["complete"] * 2, value=[0.3, 0.3], **{SPARSITY: [0.2, 0.8]})
    assert front(table(data))["number"].tolist() == [1]
