"""A study that fuses its trials finds what the same study finds one trial after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regsearch import InlineEngine, MemoryTracker, ProcessEngine, Space, Study, Task
from regsearch.search.result import StudyResult
from regsearch.training.fused.refusal import NotFusableError
from tests.training.fused.test_refusals import Item
from tests.training.fused.toys import loaders, plain_module

LAMS = Space(("l1", "l2", "group_lasso"), lam=[0.0, 1e-3, 1e-2, 1e-1])


def found(folder: str, **changes: Any) -> StudyResult:
    task = Task(plain_module, loaders, max_epochs=4)
    Path(folder).mkdir()
    storage = f"sqlite:///{folder}/study.db"
    study = Study("fixed", task, LAMS, 10, sampler="grid", pruner=None, storage=storage)
    return study.run(tracker=MemoryTracker(), progress=False, **changes)


@pytest.mark.parametrize("engine", [InlineEngine(), ProcessEngine(2)], ids=["inline", "processes"])
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


def test_by_default_the_clock_decides_nothing() -> None:
    auto, each = (found(name, **changes).trials for name, changes in _DEFAULT_AND_EACH.items())
    pd.testing.assert_series_equal(auto["value"], each["value"], rtol=0, atol=0)


_DEFAULT_AND_EACH: dict[str, dict[str, Any]] = {"default": {}, "one": {"train": "each"}}


def item(params: Any) -> Item:
    return Item()


def test_what_cannot_be_fused_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    study = Study("item", Task(item, loaders, max_epochs=2), LAMS, 4)
    with pytest.raises(NotFusableError, match=r"looks at a number, as \.item\(\)"):
        study.run(train="fused", tracker=MemoryTracker())
    assert list(tmp_path.iterdir()) == []
