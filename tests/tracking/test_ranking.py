from __future__ import annotations

import json

import pytest

from regsearch.tracking.ranking import ranked, ranking
from regsearch.trials import Direction

TRIALS = """\
number,state,value,penalty,lam,lr,loss/data,sparsity/all,sparsity/a,val_acc,reason,attempt
0,complete,0.5,none,0.0,0.1,0.5,0.0,0.0,0.25,,0
1,pruned,0.125,l1,0.00012345678,0.1,0.5,0.5,0.5,0.125,pruner,0
2,complete,0.25,"<b>,",0.1,0.1,0.5,0.123456,0.25,0.5,,0
3,failed,,l2,0.1,0.1,,,,,"no, ""really""\nnot",0
"""


def _table(trials: str, direction: Direction = "minimize") -> tuple[list[str], list[list[str]]]:
    table = json.loads(ranking(trials, direction))
    return table["columns"], table["data"]


def test_complete_trials_come_first_and_the_best_of_them() -> None:
    assert [row[0] for row in _table(TRIALS)[1]] == ["2", "0", "1", "3"]
    assert [row[0] for row in _table(TRIALS, "maximize")[1]] == ["0", "2", "1", "3"]


def test_it_has_the_columns_people_compare_with_few_digits() -> None:
    columns, (best, *_, failed) = _table(TRIALS)
    expected = ["number", "value", "penalty", "lam", "lr", "val_acc", "sparsity/all"]
    assert columns == [*expected, "state", "reason"]
    assert best == ["2", "0.25", "<b>,", "0.1", "0.1", "0.5", "0.1235", "complete", ""]
    assert failed[-1] == 'no, "really"\nnot'
    assert _table(TRIALS)[1][2][3] == "0.0001235"


def test_a_table_without_rows_or_columns_is_still_one() -> None:
    assert _table("number,state,value\n") == (["number", "value", "state"], [])
    assert _table("")[1] == []
    assert _table("number\n0,too,many\n") == (["number"], [["0"]])


def test_it_joins_the_files_of_a_study_that_has_the_trials() -> None:
    files, tags = ranked({"trials.csv": TRIALS, "a": "b"}, "minimize")
    assert list(files) == ["trials.csv", "a", "ranking.json"]
    assert "ranking.json" in tags["mlflow.loggedArtifacts"]
    assert ranked({"a": "b"}, "minimize") == ({"a": "b"}, {})


def test_a_table_that_cannot_be_read_goes_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    files = {"trials.csv": f"number,value\n0,{'1' * 200_000}\n", "a": "b"}
    assert ranked(files, "minimize") == (files, {})
    assert "field larger than field limit" in capsys.readouterr().err
