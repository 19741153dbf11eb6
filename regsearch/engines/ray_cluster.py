"""How a coordinator comes to a Ray cluster, and leaves it as it was.

Which cluster is always said: without an address Ray takes whatever it finds. One started here
listens on loopback alone; one that was joined goes on when the study is over.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray._private import ray_constants, services

_PATIENCE = 4.0  # seconds, for each of a connection and the first bytes on it
_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_LONGEST_JOINING = 20.0  # seconds; it takes one or two
_JOINING = """
import sys, ray
print("ready", flush=True)
try:
    ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
_SETTINGS = b"\x04"  # type of the frame that any HTTP/2 server, as gRPC's, says first


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects this process to Ray, for as long as it takes; see `RayEngine`.

    Raises:
        ConnectionError: If there is no such cluster, or nobody answers.
        RuntimeError: If this process is connected to another one.
    """
    if ray.is_initialized():
        _check_is_connected_to(address)
        yield
        return
    try:
        with _signals_kept():
            _start() if address == "local" else _join(address)
        yield
    finally:
        ray.shutdown()


def _check_is_connected_to(address: str) -> None:
    current = ray.get_runtime_context().gcs_address
    if address == "auto" or (address != "local" and _resolved(address) == current):
        return
    raise RuntimeError(
        f"RayEngine(address={address!r}) must come to a process without Ray, but this one is "
        f"connected to {current}. Use address='auto' for that one, or call ray.shutdown() before."
    )


def _start() -> None:
    with _loopback_alone():
        ray.init(address="local", include_dashboard=False, logging_level="WARNING")
    (node,) = ray.nodes()
    if not ipaddress.ip_address(node["NodeManagerAddress"]).is_loopback:
        raise RuntimeError(
            f"Ray must listen on loopback alone, but it is on {node['NodeManagerAddress']}: "
            f"set {_CLUSTERS}=0 before this process imports Ray."
        )


def _join(address: str) -> None:
    found = _resolved(address)
    _check_answers(found)
    problem = _problem_in_joining(found)
    if not problem:
        try:
            ray.init(address=address, logging_level="WARNING")
        except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
            problem = str(error)
    if problem:
        raise ConnectionError(
            f"Ray at {found} must let this process join, but: {problem}. This machine must belong "
            "to the cluster, with the same Ray and token (RAY_AUTH_MODE=token, ~/.ray/auth_token)."
        )


def _problem_in_joining(address: str) -> str:
    """Says why a process cannot join; "" if it can.

    Tried by another process, since Ray itself cannot be stopped: it goes on for minutes, as with a
    head node that is left of a cluster which has died, or with another token.
    """
    command = [sys.executable, "-c", _JOINING, address]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        try:
            process.stdout.readline()  # importing Ray is not what may take too long
            _, errors = process.communicate(timeout=_LONGEST_JOINING)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"nothing came of it in {_LONGEST_JOINING:g} s"
    lines = errors.strip().splitlines() or [f"a process that tried ended with {process.returncode}"]
    return lines[-1] if process.returncode else ""


def _resolved(address: str) -> str:
    try:
        return str(services.canonicalize_bootstrap_address(address))
    except ConnectionError as error:
        raise ConnectionError(
            f"RayEngine(address={address!r}) must find a Ray cluster, but there is none here. "
            "Start one with `ray start --head`, or use RayEngine() for one of its own."
        ) from error


def _check_answers(address: str) -> None:
    """Raises ConnectionError if no server is there; Ray itself would try for two minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _PATIENCE) as probe:
            if os.environ.get("RAY_USE_TLS") == "1":  # then it is the client who speaks first
                return
            start, problem = probe.makefile("rb").read(4), "what answers is not Ray"
    except OSError as error:
        start, problem = b"", str(error)
    if start[3:] != _SETTINGS:
        raise ConnectionError(
            f"A Ray cluster must answer at {address}, but: {problem}. Check the address (the port "
            "is that of `ray start --head --port`), and that the head node is running."
        )


@contextmanager
def _loopback_alone() -> Iterator[None]:
    """Has Ray take 127.0.0.1 for this machine's address, which is what it then listens on.

    Its switch for that is a variable which it reads once, when it is imported, here and in each
    process that it starts.
    """
    before, here = os.environ.get(_CLUSTERS), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[_CLUSTERS], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = here
        del os.environ[_CLUSTERS]
        if before is not None:
            os.environ[_CLUSTERS] = before


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keeps what this process does on SIGTERM, for which Ray would put an exit in its place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
