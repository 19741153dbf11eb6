"""Which GPUs there are, found without starting CUDA in this process.

A GPU is named as CUDA_VISIBLE_DEVICES names it: by its number, its UUID or that of a MIG instance.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path


def visible_gpus() -> list[str]:
    """Returns the GPUs that the user lets this process see, as CUDA_VISIBLE_DEVICES names them."""
    installed = _installed_gpus()
    if not installed or not _torch_can_use_gpus():
        return []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return list(installed) if chosen is None else parsed_visible(chosen)


def parsed_visible(chosen: str) -> list[str]:
    """Splits CUDA_VISIBLE_DEVICES; as CUDA does, stops at the first entry that names no device.

    >>> parsed_visible("2, GPU-8c,-1,3")
    ['2', 'GPU-8c']
    """
    names = []
    for entry in chosen.split(","):
        if (name := entry.strip()) in ("", "-1", "NoDevFiles"):
            break
        names.append(name)
    return names


def _torch_can_use_gpus() -> bool:
    import torch  # here, for it takes seconds and a machine without GPUs need not ask

    return torch.version.cuda is not None or torch.version.hip is not None


@cache
def _installed_gpus() -> tuple[str, ...]:
    """Asks the driver's own tool, which starts no CUDA; without it, torch in another process."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30)
        if listed.returncode == 0:
            return tuple(parsed_listing(listed.stdout))
    except (OSError, subprocess.TimeoutExpired):
        pass
    if not any(Path(driver).exists() for driver in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")):
        return ()
    counting = "import torch; print(torch.cuda.device_count())"
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    counted = subprocess.run(
        [sys.executable, "-c", counting], capture_output=True, text=True, env=environment
    )
    return tuple(str(number) for number in range(int(counted.stdout or 0)))


def parsed_listing(text: str) -> list[str]:
    r"""Reads `nvidia-smi -L`: each GPU by its number, one that is split by its MIG instances.

    >>> parsed_listing("GPU 0: A100 (UUID: GPU-1f)\n  MIG 1g.5gb Device 0: (UUID: MIG-2e)")
    ['MIG-2e']
    """
    found: list[list[str]] = []
    for line in text.splitlines():
        if gpu := re.match(r"GPU (\d+):", line):
            found.append([gpu[1]])
        elif found and (instance := re.match(r"\s+MIG .*UUID: ([^)]+)", line)):
            found[-1].append(instance[1])
    return [name for number, *instances in found for name in instances or [number]]
