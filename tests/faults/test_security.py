"""What a study must not do, whoever has written to its files: listen, or run what it reads."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

import regsearch
from regsearch.engines.processes import ProcessEngine
from regsearch.search.records import RESUMES
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.training.checkpoints import checkpoint_path
from regsearch.trials import OnReport, Outcome, Trial
from tests.faults.coordinators import started, study
from tests.faults.curves import WAITS_IN, Curves, struck_process
from tests.search import toys

PACKAGE = Path(regsearch.__file__).parent
# Messages between the coordinator and the workers that it has started itself.
SPEAK_PICKLE = {"channels.py", "fork_server.py", "ray_actor.py", "ray_workers.py"}


@pytest.mark.slow  # a process that imports torch, with workers
def test_nothing_listens_but_on_loopback(uri: str) -> None:
    engine = ProcessEngine(["cpu", "cpu"])
    with started(study(), engine, MLflowTracker(uri), Curves(Path.cwd(), WAITS_IN)) as process:
        struck_process()
        sockets = {inode for member in _family(process.pid) for inode in _sockets(member)}
        addresses = {address for inode, address in _listening() if inode in sockets}
    assert len(sockets) > 0
    assert addresses <= {"0100007F", "00000000000000000000000001000000"}


def _family(root: int) -> set[int]:
    """Returns a process and all that descend from it, by their ids."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    family, grown = {root}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return family


def _sockets(process: int) -> Iterator[str]:
    for entry in Path(f"/proc/{process}/fd").glob("*"):
        try:
            target = str(entry.readlink())
        except OSError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def _listening() -> Iterator[tuple[str, str]]:
    """Yields inode and address of the TCP sockets that listen."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                yield fields[9], fields[1].partition(":")[0]


def test_no_file_is_unpickled() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                _check_call(file, node)


def _check_call(file: Path, node: ast.Call) -> None:
    name = ast.unparse(node.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if name == "torch.load":
        assert given.get("weights_only") == "True", f"{file}:{node.lineno}"
    if name in ("np.load", "numpy.load"):
        assert given.get("allow_pickle", "False") == "False", f"{file}:{node.lineno}"
    if name in ("pickle.load", "pickle.loads", "cloudpickle.loads"):
        assert file.name in SPEAK_PICKLE, f"{file}:{node.lineno} must not unpickle"


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path("run").touch, ())


def linear(params: Mapping[str, Any]) -> torch.nn.Module:
    return torch.nn.Linear(1, 1)


def test_weights_that_hold_code_are_refused() -> None:
    task = replace(toys.TASK, module=linear)
    result = toys.go(toys.study(2, storage=toys.DB, task=task))
    torch.save({"weight": Payload()}, result.weights / f"{result.best.number}.pt")
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        result.best_module()
    assert not Path("run").exists()


@pytest.mark.parametrize("number", ["../../elsewhere", "/etc/passwd", 1.5, None])
def test_a_database_names_no_file_to_load(number: Any) -> None:
    toys.go(toys.study(1, storage=toys.DB))
    fixed = {"penalty": "l1", "lam": 1e-3, "l1_ratio": 0.5}
    waiting = optuna.create_trial(
        state=optuna.trial.TrialState.WAITING,
        system_attrs={"fixed_params": fixed},
        user_attrs={RESUMES: number},
    )
    toys.stored().add_trial(waiting)
    Path("study.db.files/1/checkpoints").mkdir(parents=True)
    checkpoint_path(Path("study.db.files/1"), 7).with_name("elsewhere.ckpt").touch()
    begun = []

    def train(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            begun.append(trial.resume_from)
            yield from toys.trained()(iter([trial]), on_report)

    toys.go(toys.study(3, storage=toys.DB), train, MemoryTracker())
    assert begun == [None, None]
