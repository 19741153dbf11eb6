"""A task refuses what it cannot train, before anything is written."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from regsearch import Task, named
from tests.training.toys import loaders, module, task


class Unpicklable:
    def __reduce__(self) -> Any:
        raise OSError("a handle is open")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"module": "Net"}, TypeError, r"Task\.module must be a function, but got 'Net'"),
        ({"data": None}, TypeError, r"Task\.data must be a function, but got None"),
        ({"select": "enc.*"}, TypeError, r"Task\.select must be a function, but got 'enc"),
        ({"max_epochs": 0}, ValueError, r"Task\.max_epochs must be at least 1, but got 0"),
        ({"max_epochs": 1.5}, TypeError, r"Task\.max_epochs must be a whole number, but got 1\.5"),
        ({"max_epochs": True}, TypeError, r"Task\.max_epochs must be a whole number, but got True"),
        ({"devices_per_trial": -1}, ValueError, r"Task\.devices_per_trial must be at least 1"),
        ({"devices_per_trial": "auto"}, TypeError, r"devices_per_trial must be a whole number"),
        ({"direction": "down"}, ValueError, r"'minimize' or 'maximize', but got 'down'"),
        ({"monitor": ""}, ValueError, r"Task\.monitor must name a logged metric, but got ''"),
        ({"monitor": None}, ValueError, r"Task\.monitor must name a logged metric, but got None"),
        ({"trainer": None}, TypeError, r"Task\.trainer must map names to values, but got None"),
        ({"trainer": {"max_epochs": 3}}, ValueError, r"'max_epochs': give it as Task\.max_epochs"),
        ({"trainer": {"devices": 2}}, ValueError, r"'devices': give it as Task\.devices_per"),
    ],
)
def test_what_cannot_be_used_is_refused(
    changes: Mapping[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        task(**changes)


def test_a_task_of_top_level_functions_pickles() -> None:
    given = task(select=named("body.*"), trainer={"precision": "bf16-mixed"})
    given.check_picklable()
    assert pickle.loads(pickle.dumps(given)) == given


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"module": lambda params: None}, "module"),
        ({"data": lambda: None}, "data"),
        ({"select": lambda *args: True}, "select"),
        ({"trainer": {"callbacks": [Unpicklable()]}}, "trainer"),
    ],
)
def test_what_does_not_pickle_is_named(changes: Mapping[str, Any], name: str) -> None:
    with pytest.raises(TypeError, match=f"A Task must pickle, but its '{name}' does not"):
        task(**changes).check_picklable()


def test_only_module_data_and_epochs_must_be_given() -> None:
    given = Task(module, loaders, max_epochs=1)
    assert (given.monitor, given.direction, given.devices_per_trial) == ("val_loss", "minimize", 1)
