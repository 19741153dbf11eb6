"""Which devices a user means, and what the workers on each may use; "cpu" is one core."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from regsearch.engines.gpus import visible_gpus
from regsearch.engines.process_seat import Seat
from regsearch.engines.ranks import LOOPBACK, free_port, rank_environment

CPU = "cpu"

Devices = str | int | Sequence[str | int]


@dataclass(frozen=True)
class Slot:
    """The devices of one group of workers, a rank on each.

    Attributes:
        devices: Their names, "cpu" for a core.
        threads: CPU threads of each worker.
        sharers: How many slots share these devices.
    """

    devices: tuple[str, ...]
    threads: int
    sharers: int

    def seats(self) -> list[Seat]:
        """Returns a place for each rank; ranks of a group meet at a port that is free now."""
        port = free_port() if len(self.devices) > 1 else 0
        return [self._seat(rank, port) for rank in range(len(self.devices))]

    def _seat(self, rank: int, port: int) -> Seat:
        name, size = f"device {self.devices[rank]}", len(self.devices)
        environment = {
            # Every rank sees all of its group's GPUs and takes the one of its own number.
            "CUDA_VISIBLE_DEVICES": ",".join(device for device in self.devices if device != CPU),
            "OMP_NUM_THREADS": str(self.threads),
        }
        if size > 1:
            name = f"{name} (rank {rank} of {size})"
            environment |= rank_environment(rank, size, address=LOOPBACK, port=port)
        return Seat(name, rank, environment, self.threads, 1 / self.sharers)


def slots(devices: Devices, *, per_device: int, devices_per_trial: int) -> list[Slot]:
    """Returns the slots of an engine: each device's workers, joined to groups.

    Raises:
        ValueError: If devices are unknown, or fewer than one trial needs.
    """
    chosen = resolved(devices)
    if len(chosen) < devices_per_trial:
        raise ValueError(
            f"There must be a device for each of the {devices_per_trial} ranks of a trial, but "
            f"there are {len(chosen)}: {', '.join(chosen)}. Give more devices, or lower "
            "Task.devices_per_trial."
        )
    starts = range(0, len(chosen) - devices_per_trial + 1, devices_per_trial)
    groups = [tuple(chosen[start : start + devices_per_trial]) for start in starts]
    workers = len(groups) * devices_per_trial * per_device
    return [
        Slot(group, _threads(group, workers), per_device)
        for group in groups
        for _ in range(per_device)
    ]


def _threads(group: Sequence[str], workers: int) -> int:
    """One thread a core device: more are slower on shared cores. A GPU's worker has its share."""
    return 1 if CPU in group else max(1, cores() // workers)


def resolved(devices: Devices) -> list[str]:
    """Returns the devices that are meant.

    Args:
        devices: "auto" is every visible GPU, or else every core. A number is so many of these. A
            list names them: ["0", "1"], ["cpu", "cpu"], UUIDs.

    Raises:
        ValueError: If there are no such devices.
    """
    if devices == "auto":
        return visible_gpus() or [CPU] * cores()
    if isinstance(devices, int):
        return _so_many(devices)
    names = [str(device) for device in devices]
    known = {CPU, *visible_gpus()} if set(names) != {CPU} else {CPU}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"devices must be 'auto', a number, or a list of {', '.join(sorted(known))}, "
            f"but got {unknown[0]!r}. A GPU is named as in CUDA_VISIBLE_DEVICES."
        )
    return names


def _so_many(count: int) -> list[str]:
    gpus = visible_gpus()
    if gpus and count > len(gpus):
        raise ValueError(
            f"devices must be at most {len(gpus)}, the number of visible GPUs, but got {count}. "
            f"For workers without a GPU: devices=['cpu'] * {count}."
        )
    return gpus[:count] or [CPU] * count


def cores() -> int:
    """Returns how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
