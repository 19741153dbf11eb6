"""Which engine a study runs on, and which it refuses."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from regsearch.engines.inline import InlineEngine
from regsearch.engines.processes import ProcessEngine
from regsearch.search.placement import default_engine, placed
from regsearch.tracking.memory import MemoryTracker
from tests.search.tasks import TASK
from tests.search.toys import DB, study, trained

TWO = ProcessEngine(["cpu", "cpu"])


@pytest.mark.parametrize(
    ("gpus", "size", "kind"),
    [
        (0, 1, InlineEngine),
        (1, 1, InlineEngine),
        (2, 1, ProcessEngine),
        (0, 2, ProcessEngine),
    ],
)
def test_several_devices_call_for_processes(gpus: int, size: int, kind: type) -> None:
    assert isinstance(default_engine(gpus, size), kind)


def test_the_choice_is_said(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "regsearch"):
        study(2).run(train=trained(), tracker=MemoryTracker())
    words = "Trials run in this process: engine=None is InlineEngine()."
    assert words in caplog.messages
    assert words in capsys.readouterr().out.splitlines()
    assert placed(InlineEngine(), devices_per_trial=1, deadline=None) == (InlineEngine(), "")


def test_an_engine_with_workers_is_suited_to_the_study() -> None:
    engine, _ = placed(TWO, devices_per_trial=2, deadline=7.0)
    assert engine == replace(TWO, devices_per_trial=2, deadline=7.0)
    kept, _ = placed(replace(TWO, deadline=5.0), devices_per_trial=1, deadline=None)
    assert kept == replace(TWO, deadline=5.0)


@pytest.mark.parametrize("engine", [InlineEngine(), ProcessEngine(["cpu"])])
def test_too_few_devices_are_refused_before_anything_is_written(
    engine: InlineEngine | ProcessEngine,
) -> None:
    asked = study(task=replace(TASK, devices_per_trial=2), storage=DB)
    with pytest.raises(ValueError, match="devices"):
        asked.run(engine=engine, train=trained(), tracker=MemoryTracker(), progress=False)
    assert list(Path().iterdir()) == []
