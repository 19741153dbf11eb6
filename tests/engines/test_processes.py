"""The process engine keeps the laws, and says early what it cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regsearch.engines.base import SupervisingEngine
from regsearch.engines.processes import ProcessEngine
from regsearch.testing.engines import EngineLaws
from regsearch.testing.ranks import RankLaws
from regsearch.testing.train_functions import expected_outcome, finite, go_on, train
from regsearch.testing.worker_train_functions import TrainTogether
from regsearch.testing.workers import WorkerEngineLaws


class TestProcessEngine(EngineLaws, WorkerEngineLaws, RankLaws):
    @pytest.fixture
    def engine(self) -> SupervisingEngine:
        return ProcessEngine(["cpu", "cpu"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"devices": []}, "devices"),
        ({"devices": 0}, "devices"),
        ({"devices": -1}, "devices"),
        ({"devices": "gpu7"}, "devices"),
        ({"devices": True}, "devices"),
        ({"per_device": 0}, "per_device"),
        ({"per_device": 1.5}, "per_device"),
        ({"devices_per_trial": 0}, "devices_per_trial"),
        ({"deadline": 0.0}, "deadline"),
        ({"deadline": float("nan")}, "deadline"),
    ],
)
def test_bad_arguments_are_refused_when_they_are_given(
    arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=f"^{named} must be"):
        ProcessEngine(**arguments)


@pytest.mark.parametrize("device", ["gpu7", "99", "cuda:0", "GPU-1234"])
def test_devices_that_are_not_there_are_refused_before_any_trial(device: str) -> None:
    trials = finite(1)
    with pytest.raises(ValueError, match=f"but got '{device}'"):
        ProcessEngine(["cpu", device]).run(train, trials, go_on)
    assert len(list(trials)) == 1


def test_a_suited_engine_keeps_what_is_not_asked_for() -> None:
    engine = ProcessEngine(["cpu"] * 4, 2, deadline=7.0)
    suited = engine.suited(devices_per_trial=2, deadline=None)
    assert suited == ProcessEngine(["cpu"] * 4, 2, devices_per_trial=2, deadline=7.0)
    assert isinstance(engine, SupervisingEngine)


def test_several_workers_may_share_a_device(tmp_path: Path) -> None:
    outcomes = list(ProcessEngine(["cpu"], 3).run(TrainTogether(tmp_path, 3), finite(3), go_on))
    assert {outcome.number for outcome in outcomes} == {0, 1, 2}
    assert outcomes[0] == expected_outcome(outcomes[0].number)


def test_without_a_gpu_auto_is_a_worker_on_each_core() -> None:
    assert len(list(ProcessEngine().run(train, finite(2), go_on))) == 2
