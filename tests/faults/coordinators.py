"""Studies in processes of their own, which a test may kill or signal at a moment of its choice.

All of them are forked from one process that has imported everything, so that starting one takes no
time.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal

from regsearch.engines.base import Engine
from regsearch.search.result import StudyResult
from regsearch.search.space import Space
from regsearch.search.study import Study
from regsearch.tracking.base import Tracker
from regsearch.training.task import Task
from regsearch.trials import Train
from tests.faults.curves import EPOCHS, Curves

DB = "sqlite:///study.db"
N_TRIALS = 6
OUTPUT = Path("output")


def no_module(params: Mapping[str, Any]) -> Any:
    raise NotImplementedError


def no_data() -> Any:
    raise NotImplementedError


def study(**changes: Any) -> Study:
    task = Task(no_module, no_data, max_epochs=EPOCHS)
    return Study("struck", task, Space(), **{"n_trials": N_TRIALS, "storage": DB} | changes)


@contextmanager
def started(
    asked: Study, engine: Engine, tracker: Tracker, train: Train | Literal["auto"]
) -> Iterator[ForkServerProcess]:
    """Runs a study in a process of its own, which is dead when the context ends."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tests.faults.lines"])
    process = context.Process(target=_search, args=(Path.cwd(), asked, engine, tracker, train))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _search(
    folder: Path, asked: Study, engine: Engine, tracker: Tracker, train: Train | Literal["auto"]
) -> None:
    os.chdir(folder)
    with OUTPUT.open("a") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    asked.run(engine=engine, train=train, tracker=tracker)


def finished(engine: Engine, tracker: Tracker, **changes: Any) -> StudyResult:
    """Runs the study again, to its end."""
    train = Curves(Path.cwd())
    return study(**changes).run(engine=engine, train=train, tracker=tracker, progress=False)
