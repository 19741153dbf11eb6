"""A worker of a Ray cluster is killed in the middle of a study."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs Ray: pip install 'regsearch[ray]'")
from regsearch.engines.ray import RayEngine  # noqa: E402  # where there is Ray
from regsearch.tracking.memory import MemoryTracker  # noqa: E402
from tests.faults.coordinators import N_TRIALS, study  # noqa: E402
from tests.faults.curves import EPOCHS, WAITS_IN, Curves, struck_process  # noqa: E402

pytestmark = [pytest.mark.ray, pytest.mark.slow]  # starts a Ray, and a second worker in it


def test_a_killed_worker_s_trial_is_tried_again() -> None:
    watcher = threading.Thread(target=lambda: os.kill(struck_process(), signal.SIGKILL))
    watcher.start()
    tracker = MemoryTracker()
    engine, train = RayEngine("local", gpus_per_trial=0), Curves(Path.cwd(), WAITS_IN)
    result = study(pruner=None).run(engine=engine, train=train, tracker=tracker, progress=False)
    watcher.join()
    table = result.trials.set_index("number")
    assert table.loc[WAITS_IN, "state"] == "failed"
    assert table.loc[WAITS_IN, "reason"].startswith("lost")
    (again,) = table.index[table["retry_of"] == WAITS_IN]
    assert table.loc[again, ["state", "attempt"]].tolist() == ["complete", 1]
    assert table.loc[again, "lam"] == table.loc[WAITS_IN, "lam"]
    assert (table["state"] == "complete").sum() == N_TRIALS
    assert [report.step for report in tracker.reports[again]] == list(range(EPOCHS))
