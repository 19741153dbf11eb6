"""A coordinator comes to the Ray it asked for and to no other, and nothing of its own is left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regsearch.testing.train_functions import finite, go_on, train

pytestmark = pytest.mark.ray

_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

_PROGRAM = Path(__file__).with_name("coordinator_on_ray.py")


class TestLocalRay:
    """One that a program of its own starts, and a second one in this process."""

    @pytest.fixture
    def program(self) -> Iterator[subprocess.Popen[str]]:
        environment = {name: value for name, value in os.environ.items() if name != _CLUSTERS}
        command = [sys.executable, _PROGRAM, "local"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as program:
            yield program
            program.kill()

    def test_it_stays_on_loopback_and_dies_with_its_coordinator(
        self, program: subprocess.Popen[str]
    ) -> None:
        assert program.stdout is not None
        worker = int(program.stdout.readline())
        family = _descendants(program.pid)
        assert worker in family
        listening = _listening(family | {program.pid})
        assert len(listening) > 3
        assert {address for address in listening if not _is_loopback(address)} == set()
        program.kill()
        while _is_running(worker):  # for ever, if it outlives its coordinator
            time.sleep(0.01)

    def test_it_ends_with_the_run(self) -> None:
        import ray

        from regsearch.engines.ray import RayEngine

        handler, threads = signal.getsignal(signal.SIGTERM), threading.active_count()
        before = _descendants(os.getpid())
        outcomes = list(RayEngine().run(train, finite(3), go_on))  # without a GPU, on CPUs
        assert [outcome.state for outcome in outcomes] == ["complete"] * 3
        assert not ray.is_initialized()
        assert signal.getsignal(signal.SIGTERM) is handler
        assert threading.active_count() <= threads
        assert {
            child for child in _descendants(os.getpid()) - before if _is_running(child)
        } == set()


@pytest.mark.parametrize(
    "address", ["", "here", "ray://host:10001", "host:", "http://host:1", "a b:1"]
)
def test_an_address_has_a_form(address: str) -> None:
    from regsearch.engines.ray import RayEngine

    with pytest.raises(ValueError, match="address must be 'local', 'auto' or 'host:port'"):
        RayEngine(address)


@pytest.mark.parametrize("deadline", [0, -1.0, float("nan")])
def test_a_deadline_is_positive(deadline: float) -> None:
    from regsearch.engines.ray import RayEngine

    with pytest.raises(ValueError, match="deadline must be a positive time"):
        RayEngine(deadline=deadline)


def test_a_closed_port_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"must answer at .*:{port}, but: .*refused"):
        _run_at(f"127.0.0.1:{port}")


def test_a_server_that_is_not_ray_is_an_error() -> None:
    greeting = b"220 mail.example ESMTP\r\n"
    with _server(says=greeting) as port, pytest.raises(ConnectionError, match="is not Ray"):
        _run_at(f"127.0.0.1:{port}")


@pytest.mark.slow  # some seconds of patience
def test_a_server_that_says_nothing_is_an_error() -> None:
    with _server(says=b"") as port, pytest.raises(ConnectionError, match="timed out"):
        _run_at(f"127.0.0.1:{port}")


@pytest.mark.slow  # another process imports Ray
def test_a_server_that_lets_nobody_join_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that is left of a dead cluster: Ray itself would try for a minute and more."""
    from regsearch.engines import ray_cluster

    monkeypatch.setattr(ray_cluster, "_LONGEST_JOINING", 1.0)
    empty_settings = b"\0\0\0\4\0\0\0\0\0"
    refused = pytest.raises(ConnectionError, match="must let this process join, but: nothing came")
    with _server(says=empty_settings) as port, refused:
        _run_at(f"127.0.0.1:{port}")


def test_no_cluster_to_join_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", os.getcwd())
    from ray._private import services

    end = time.monotonic() + 60  # Ray looks at all processes; those of killed tests linger
    while services.find_gcs_addresses():
        if time.monotonic() > end:
            pytest.skip("another Ray runs on this machine")
        time.sleep(0.5)
    with pytest.raises(ConnectionError, match="must find a Ray cluster, but there is none"):
        _run_at("auto")


def test_without_ray_only_the_engine_is_missing() -> None:
    script = (
        "import sys; sys.modules['ray'] = None; import regsearch\n"
        "try: import regsearch.engines.ray\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "RayEngine needs Ray: pip install 'regsearch[ray]'"


def _run_at(address: str) -> None:
    from regsearch.engines.ray import RayEngine

    def none_is_pulled() -> Iterator[object]:
        raise AssertionError("a trial was pulled")
        yield

    list(RayEngine(address).run(train, none_is_pulled(), go_on))


@contextmanager
def _server(*, says: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.sendall(says)
                connection.recv(1)  # until the other side has enough

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _descendants(process: int) -> set[int]:
    """Returns all processes below one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if (line := _stat(int(folder.name))) is not None:
            parents[int(folder.name)] = int(line[1])
    found, waiting = set(), [process]
    while waiting:
        parent = waiting.pop()
        children = {child for child, above in parents.items() if above == parent}
        found |= children
        waiting += children
    return found


def _is_running(process: int) -> bool:
    line = _stat(process)
    return line is not None and line[0] != "Z"


def _stat(process: int) -> list[str] | None:
    """Returns state, parent and so on."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _listening(processes: set[int]) -> list[str]:
    """Returns the addresses on which these wait for connections."""
    if shutil.which("ss") is None:
        pytest.skip("needs ss, of iproute2")
    lines = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    return [
        line.split()[3]
        for line in lines.splitlines()
        if any(f"pid={process}," in line for process in processes)
    ]


def _is_loopback(address: str) -> bool:
    return address.rpartition(":")[0] in ("127.0.0.1", "[::ffff:127.0.0.1]", "[::1]")
