"""A study that fuses its trials finds what the same study finds one trial after another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regsearch import InlineEngine, MemoryTracker, ProcessEngine, Space, Study, Task
from regsearch.search.result import StudyResult
from regsearch.search.training import TRAINING
from regsearch.training.fused.refusal import NotFusableError
from tests.training.fused.test_refusals import Item
from tests.training.fused.toys import loaders, plain_module

EPOCHS = 34  # of three steps: enough for a dry run to pay
ENGINES = [
    pytest.param(InlineEngine(), id="inline"),
    pytest.param(ProcessEngine(2), id="processes", marks=pytest.mark.slow),  # load Lightning anew
]
LAMS = Space(("l1", "l2", "group_lasso"), lam=[0.0, 1e-3, 1e-2, 1e-1])


def item(params: Any) -> Item:
    return Item()


def found(folder: str, **changes: Any) -> StudyResult:
    task = Task(plain_module, loaders, max_epochs=4)
    Path(folder).mkdir()
    storage = f"sqlite:///{folder}/study.db"
    study = Study("fixed", task, LAMS, 10, sampler="grid", pruner=None, storage=storage)
    return study.run(tracker=MemoryTracker(), progress=False, **changes)


@pytest.mark.parametrize("engine", ENGINES)
def test_with_fixed_strengths_fused_and_each_give_the_same_table(engine: Any) -> None:
    fused = found("fused", train="fused", width=4, engine=engine)
    each = found("each", train="each")
    columns = ["number", "state", "penalty", "lam", "value", "sparsity/all", "loss/total"]
    tables = [one.trials.sort_values("number")[columns] for one in (fused, each)]
    tables = [table.reset_index(drop=True) for table in tables]
    pd.testing.assert_frame_equal(*tables, rtol=1e-8, atol=1e-8)
    assert fused.best.number == each.best.number
    mine, alone = fused.best_module().state_dict(), each.best_module().state_dict()
    assert all(mine[name].allclose(weights, atol=1e-8) for name, weights in alone.items())


def study(
    n_trials: int, max_epochs: int = EPOCHS, module: Any = plain_module, **trainer: Any
) -> Study:
    task = Task(module, loaders, max_epochs=max_epochs, trainer=trainer)
    return Study("auto", task, Space(("l1", "l2")), n_trials, storage="sqlite:///study.db")


def stored(result: StudyResult) -> Any:
    return json.loads(result.optuna_study.user_attrs[TRAINING])


def values(result: StudyResult) -> list[float]:
    return [float(value) for value in result.trials.sort_values("number")["value"]]


@pytest.mark.parametrize("engine", ENGINES)
def test_by_default_small_networks_are_fused(engine: Any, capsys: Any) -> None:
    tracker = MemoryTracker()
    result = study(12).run(tracker=tracker, engine=engine)
    chosen = stored(result)
    assert (chosen["way"], chosen["width"]) == ("fused", 12)
    assert set(result.trials["state"]) <= {"complete", "pruned"}
    said = f"Trials are trained as one model, 12 at once: {chosen['reason']}."
    assert tracker.study is not None
    assert tracker.study.params["training"] == said
    printed = capsys.readouterr().out
    assert printed.count(said) == 1
    assert f"was {chosen['gain']:.1f} times as fast as one after another" in printed


def test_the_same_seed_gives_the_same_study(tmp_path: Path, monkeypatch: Any) -> None:
    found = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        monkeypatch.chdir(folder)
        found.append(values(study(12).run(tracker=MemoryTracker(), progress=False)))
    assert found[0] == found[1]


class Crowd(MemoryTracker):
    """Counts how many trials were under way at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def start(self, trial: Any) -> None:
        super().start(trial)
        self.most = max(self.most, len(self.trials) - len(self.outcomes))


def test_a_study_that_goes_on_trains_as_it_began() -> None:
    result = study(8).run(tracker=MemoryTracker(), progress=False)
    assert stored(result)["width"] == 8
    crowd = Crowd()
    result = study(20).run(tracker=crowd, progress=False)
    assert (stored(result)["width"], crowd.most) == (8, 8)


def test_what_is_too_small_to_try_is_trained_plainly_and_may_be_tried_later() -> None:
    small = study(3).run(tracker=MemoryTracker(), progress=False)
    assert TRAINING not in small.optuna_study.user_attrs
    large = study(12).run(tracker=MemoryTracker(), progress=False)
    assert stored(large)["width"] == 9  # so many were left


@pytest.mark.parametrize(
    ("changes", "said", "is_stored"),
    [
        ({"max_epochs": 7}, "without a Trainer: with 21 steps a trial", True),
        ({"module": item}, "without a Trainer: a step looks at a number", True),
        (
            {"max_epochs": 7, "accumulate_grad_batches": 2},
            "with a Trainer each: Task.trainer has accum",
            False,
        ),
        ({"max_epochs": 5}, "with a Trainer each: with 8 to come", False),
    ],
)
def test_what_is_not_fused_falls_back_and_says_why(
    changes: Any, said: str, is_stored: bool, capsys: Any
) -> None:
    result = study(8, **changes).run(tracker=MemoryTracker())
    assert set(result.trials["state"]) <= {"complete", "pruned"}
    printed = capsys.readouterr().out
    assert printed.count(f"Trials are trained one after another, {said}") == 1
    assert "times as fast" not in printed
    assert (TRAINING in result.optuna_study.user_attrs) is is_stored


def test_what_cannot_be_fused_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    study = Study("item", Task(item, loaders, max_epochs=2), LAMS, 4)
    with pytest.raises(NotFusableError, match=r"looks at a number, as \.item\(\)"):
        study.run(train="fused", tracker=MemoryTracker())
    assert list(tmp_path.iterdir()) == []
