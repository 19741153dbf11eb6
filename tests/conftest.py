"""What holds for every test: one CPU thread, no telemetry, a working directory of its own.

Loaded before any test module imports torch, MLflow or Ray, which read these variables once.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads are slower here, and less repeatable
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray listens on loopback alone
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


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


_NEEDS = {
    "gpu": (_cuda, "needs a CUDA device"),
    "ray": (_ray, "needs Ray: pip install 'regsearch[ray]'"),
    "browser": (
        _chromium,
        "needs Chromium and its driver: apt-get install chromium chromium-driver",
    ),
}
