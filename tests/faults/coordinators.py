"""Studies in processes of their own, which a test may kill or signal at a moment of its choice."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from tests.interpreters import LEARNERS, Program

DB = "sqlite:///study.db"
N_TRIALS = 6
OUTPUT = Path("output")
SEARCH = """
import pickle, sys
asked, how = pickle.loads(bytes.fromhex(sys.argv[1]))
asked.run(**how)
"""


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
) -> Iterator[Program]:
    """Runs a study in a process of its own, which is dead when the block ends."""
    how = {"engine": engine, "tracker": tracker, "train": train}
    order = pickle.dumps((asked, how)).hex()
    with OUTPUT.open("a") as output:
        file = output.fileno()
        with LEARNERS.started(["-c", SEARCH, order], output=file, errors=file) as process:
            yield process


def finished(engine: Engine, tracker: Tracker, **changes: Any) -> StudyResult:
    """Runs the study again, to its end."""
    train = Curves(Path.cwd())
    return study(**changes).run(engine=engine, train=train, tracker=tracker, progress=False)
