"""MLflow's server is down when a study starts, comes, is killed in its midst and comes again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from regsearch.engines.inline import InlineEngine
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.trials import Outcome, Report, Trial
from tests.faults.coordinators import N_TRIALS, study
from tests.faults.curves import EPOCHS, Curves
from tests.tracking.stores import Server, history, runs

pytestmark = pytest.mark.slow  # a server that is started twice

SECONDS = 1.0


def test_a_server_that_comes_and_goes_delays_nothing_and_misses_nothing(server: Server) -> None:
    train = Curves(Path.cwd(), seconds=SECONDS)
    trouble = threading.Thread(target=come_and_go, args=[server])
    waits = []

    class Clocked(MLflowTracker):
        """Notes how long trials wait for it; at last it waits until the server is there to stay."""

        def start(self, trial: Trial) -> None:
            waits.append(seconds(super().start, trial))

        def log(self, report: Report) -> None:
            waits.append(seconds(super().log, report))

        def finish(self, outcome: Outcome) -> None:
            waits.append(seconds(super().finish, outcome))

        def summarize(self, note: str, files: Mapping[str, str]) -> None:
            trouble.join()
            super().summarize(note, files)

    trouble.start()
    tracker = Clocked(server.uri, patience=60.0)
    result = study().run(engine=InlineEngine(), train=train, tracker=tracker, progress=False)
    assert len(waits) == N_TRIALS * (EPOCHS + 2)
    assert sum(waits) < 0.5 * N_TRIALS * EPOCHS * SECONDS  # trials sleep: they never take less
    told = {int(run.data.tags["regsearch.number"]): run for run in runs(server.uri)}
    assert sorted(told) == result.trials["number"].tolist()
    assert len(runs(server.uri)) == N_TRIALS
    for number, run in told.items():
        assert run.info.status == "FINISHED"
        expected = [(step, 1.0 / (step + 1) + number) for step in range(EPOCHS)]
        assert history(server.uri, run.info.run_id, "val_loss") == expected


def seconds(call: Callable[..., None], *arguments: object) -> float:
    start = time.monotonic()
    call(*arguments)
    return time.monotonic() - start


def come_and_go(server: Server) -> None:
    time.sleep(2.0)
    server.up()
    time.sleep(6.0)
    server.down()
    time.sleep(2.0)
    server.up()
