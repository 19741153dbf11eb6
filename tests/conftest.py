"""What holds for every test: one CPU thread, no telemetry, a working directory of its own.

Loaded before any test module imports torch, MLflow or Ray, which read these variables once.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import secrets
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from regsearch.tracking import interpreter
from tests import installed, mlflow_programs
from tests.interpreters import LEARNERS
from tests.mlflow_programs import STORES
from tests.sharing import first_process, shared

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads are slower here, and less repeatable
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")  # no need to ask a compiler for 13 s
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray listens on loopback alone
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
installed.read_once()
gc.disable()  # until all is imported, none of which is garbage; see `pytest_collection_finish`


@pytest.fixture(autouse=True)
def _own_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default stores (`regsearch.db`, `mlflow.db`) land beside the test, not in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _own_signal_handlers() -> Iterator[None]:
    """Takes back what a test, or Ray in it, did to the signals of all tests after it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _forked_for_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process starts to talk to MLflow need not import it anew each time."""
    monkeypatch.setattr(interpreter, "start", mlflow_programs.start)


@pytest.fixture(scope="session", autouse=True)
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Has the programs of all test processes forked from the same two processes."""
    folder = shared(tmp_path_factory.getbasetemp())
    LEARNERS.template.share(folder / "learners", first_process())
    STORES.template.share(folder / "stores", first_process())
    yield
    LEARNERS.template.close()
    STORES.template.close()


class _InTurn(LoadFileScheduling):
    """Hands out whole files, and all at once those that share a cluster, a browser or ranks."""

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Is asked by the process that hands out tests."""
    return _InTurn(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what takes long first, so that no worker is left alone with it at the end."""
    long = [item for item in items if any(map(item.get_closest_marker, _LONG))]
    weights = Counter(_unit(item.nodeid) for item in long)
    items.sort(key=lambda item: -weights[_unit(item.nodeid)])


def pytest_collection_finish() -> None:
    """Spares every later collection of garbage the modules, which are half a million objects."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _unit(nodeid: str) -> str:
    """Returns what goes to one worker: a file, or all about Ray, a browser or ranks."""
    file = nodeid.partition("::")[0]
    return next((name for name in _TOGETHER if name in file), file)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what this machine lacks."""
    for mark, (is_there, reason) in _NEEDS.items():
        if item.get_closest_marker(mark) and not is_there():
            pytest.skip(reason)


def _cuda() -> bool:
    import torch  # after the variables above

    return torch.cuda.is_available()


def _ray() -> bool:
    return importlib.util.find_spec("ray") is not None


def _chromium() -> bool:
    has_browser = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    return has_browser and shutil.which("chromedriver") is not None


_LONG = ("slow", "ray", "browser")
_TOGETHER = ("test_ray", "tests/browser/", "tests/distributed/")
_NEEDS = {
    "gpu": (_cuda, "needs a CUDA device"),
    "ray": (_ray, "needs Ray: pip install 'regsearch[ray]'"),
    "browser": (
        _chromium,
        "needs Chromium and its driver: apt-get install chromium chromium-driver",
    ),
}
