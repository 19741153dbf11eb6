"""A trial on several devices: one process (rank) each, which must agree on everything.

An engine starts the ranks and gives each the same trial; `RANK`, `WORLD_SIZE` and so on stand in
their environment, as torchrun would set them. All ranks train, report and stop together: they share
what each has measured on its part of the data, so that none waits for one that has stopped.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from regsearch.namespaces import Trainer

_NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_OURS = "regsearch"  # what engines of this package set TORCHELASTIC_RUN_ID to
_PATIENCE = timedelta(minutes=5)  # how long a rank waits for another one in a collective


def check_ranks(devices_per_trial: int) -> None:
    """Raises RuntimeError if this process is no rank of so many."""
    if devices_per_trial == 1:
        return
    missing = [name for name in _NAMES if name not in os.environ]
    if missing:
        raise RuntimeError(
            f"devices_per_trial={devices_per_trial} needs one process for each device, but "
            f"{', '.join(missing)} are not set in this one. Use an engine that starts such groups, "
            "as ProcessEngine does, or devices_per_trial=1."
        )
    if int(os.environ["WORLD_SIZE"]) != devices_per_trial:
        raise RuntimeError(
            f"devices_per_trial={devices_per_trial} must be the number of processes that train a "
            f"trial together, but WORLD_SIZE is {os.environ['WORLD_SIZE']}."
        )


def rank_arguments(package: Any) -> dict[str, Any]:
    """Returns the arguments of a rank's Trainer: data parallel, on GPUs if this process sees any.

    Args:
        package: The Lightning package of the module.
    """
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return {
        "accelerator": "cuda" if torch.cuda.is_available() else "cpu",
        "devices": here,
        "num_nodes": int(os.environ["WORLD_SIZE"]) // here,
        "strategy": package.strategies.DDPStrategy(timeout=_PATIENCE),
    }


@contextmanager
def guarded_store() -> Iterator[None]:
    """Has ranks that meet inside do so at MASTER_ADDR alone.

    Where rank 0 opens the store that they meet at, torch has it listen to all the world. A store
    that is open there already is used as it is; it lives on with the process group.
    """
    is_host = os.environ.get("TORCHELASTIC_RUN_ID") == _OURS and os.environ.get("RANK") == "0"
    store = _store() if is_host and not distributed.is_initialized() else None
    try:
        yield
    finally:
        del store


def _store() -> Any:
    """Opens a store, which every later one of this process at the same port shares."""
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    family, kind, *_, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        return distributed.TCPStore(  # type: ignore[attr-defined]  # torch's own, out of C++
            address,
            port,
            is_master=True,
            wait_for_workers=False,
            multi_tenant=True,
            master_listen_fd=listener.detach(),
        )


def mean_over_ranks(trainer: Trainer, metrics: Mapping[str, float]) -> dict[str, float]:
    """Returns each metric's mean over the ranks that have it; what one alone has is kept.

    A metric that its module logged with `sync_dist=True` is the same on all ranks and stays so.
    """
    if trainer.world_size == 1:
        return dict(metrics)
    everyone: list[Any] = [None] * trainer.world_size
    distributed.all_gather_object(everyone, dict(metrics))
    names = sorted({name for one in everyone for name in one})
    return {name: _mean([one[name] for one in everyone if name in one]) for name in names}


def _mean(values: list[float]) -> float:
    same = all(value == values[0] for value in values)
    return values[0] if same else sum(values) / len(values)
