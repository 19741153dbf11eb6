"""A trial on several devices: one process (rank) each, which must agree on everything.

An engine starts the ranks and gives each the same trial; `RANK`, `WORLD_SIZE` and so on stand in
their environment, as torchrun would set them. All ranks train, report and stop together: they share
what each has measured on its part of the data, so that none waits for one that has stopped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from regsearch.namespaces import Trainer

_NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
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
