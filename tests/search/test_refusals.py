"""What a study refuses, and that it refuses before it writes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from regsearch.search.errors import StorageError, StudyChangedError
from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.tracking.memory import MemoryTracker
from regsearch.training.task import Task
from tests.search.tasks import TASK, no_data, no_module
from tests.search.toys import DB, go, states, stored, study, trained


def other_module(params: Mapping[str, Any]) -> Any:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 3}, r"seed: 0 -> 3"),
        ({"space": Space(lam=(1e-5, 1e-2))}, r"space.lam.l1: .*1e-06.* -> .*1e-05"),
        ({"space": Space(("l1",))}, r"space.lam.l2: .* -> \(not there\)"),
        ({"space": Space(baseline=False)}, r"space.baseline: True -> False"),
        ({"task": replace(TASK, max_epochs=11)}, r"task.max_epochs: 10 -> 11"),
        (
            {"task": replace(TASK, module=other_module)},
            r"task.module: tasks.no_module -> test_r",
        ),
        ({"task": replace(TASK, trainer={"precision": "16"})}, r"task.trainer: {} -> {precision"),
    ],
)
def test_another_question_is_refused(change: dict[str, Any], difference: str) -> None:
    go(study(2, storage=DB))
    with pytest.raises(StudyChangedError, match=rf"(?s)stored -> now.*\n  {difference}"):
        go(study(4, storage=DB, **change))
    assert states() == ["COMPLETE", "COMPLETE"]


def test_somebody_elses_study_is_refused() -> None:
    optuna.create_study(study_name="toy", storage=DB).optimize(lambda trial: 1.0, n_trials=1)
    with pytest.raises(StudyChangedError, match="started by regsearch"):
        go(study(storage=DB))


def test_partials_are_told_apart() -> None:
    tasks = [Task(functools.partial(no_module, width=w), no_data, max_epochs=10) for w in (8, 16)]
    go(study(1, storage=DB, task=tasks[0]))
    go(study(2, storage=DB, task=tasks[0]))
    with pytest.raises(StudyChangedError, match=r"width=8\) -> .*width=16\)"):
        go(study(2, storage=DB, task=tasks[1]))


@pytest.mark.parametrize(
    "name", ["a/b\\c", 'it\'s "quoted"', "x" * 300, "../../etc", "ä λ 🙂", "%s"]
)
def test_any_name_will_do(name: str) -> None:
    result = go(study(2, name=name, storage=DB))
    assert stored(name).study_name == name
    assert result.weights.parent.name == "study.db.files"
    assert len(go(study(3, name=name, storage=DB)).trials) == 3


def test_a_name_is_no_markup_for_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "x [/red] [b]y"
    study(2, name=name, storage=None).run(train=trained(), tracker=MemoryTracker(), progress=True)
    assert f"{name}: best of each kind" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"engine": "gpu"}, "engine must be Engine, such as InlineEngine"),
        ({"tracker": "mlflow"}, "tracker must be Tracker, such as MLflowTracker"),
    ],
)
def test_run_refuses_what_is_no_engine_or_tracker(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        study(2, storage=DB).run(train=trained(), progress=False, **argument)
    assert not Path("study.db").exists()


def test_swapped_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="task must be Task, such as"):
        Study("swapped", Space(), TASK, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_trials": 0}, "n_trials must be a whole number, at least 1, but got 0"),
        ({"n_trials": 2.5}, "whole number"),
        ({"name": " "}, "not blank"),
        ({"name": "x" * 513}, "at most 512"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"max_retries": -1}, "max_retries"),
        ({"deadline": 0.0}, "deadline must be above 0"),
        ({"sampler": "best"}, "sampler must be 'auto', 'grid' or an optuna BaseSampler"),
        ({"pruner": "median"}, "pruner must be 'auto', None or an optuna BasePruner"),
        ({"storage": "study.db"}, "database URL such as"),
        ({"storage": "sqlite://"}, "must name a file"),
        ({"sampler": "grid"}, "needs the λs themselves"),
    ],
)
def test_refuses_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study(**arguments)


def test_refuses_before_anything_is_written(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    unsendable = Task(lambda params: None, no_data, max_epochs=2)
    with pytest.raises(TypeError, match=r"'module' does not.*top level"):
        go(study(task=unsendable))
    with pytest.raises(ValueError, match="train must be 'auto', 'each' or 'fused'"):
        study().run(train="quickly", tracker=MemoryTracker())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="width must be a whole number, at least 1, but got 0"):
        study().run(width=0, tracker=MemoryTracker())
    with pytest.raises(ValueError, match="it needs train='fused', but got width=8"):
        study().run(train="each", width=8, tracker=MemoryTracker())
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(RuntimeError, match="weights_only=True"):
        go(study())
    assert list(tmp_path.iterdir()) == []


def test_unusable_storage_is_explained(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="folder of sqlite:///file/x.db must be writable"):
        go(study(storage="sqlite:///file/x.db"))
    with pytest.raises(StorageError, match="a database that Optuna can write to"):
        go(study(storage="sqlite:///file"))
