"""Times several ways to do one thing side by side: in turn, many rounds, medians of each.

A shared machine's speed drifts, but it drifts for all of them: quote ratios within one run, never
seconds between runs.
"""

from __future__ import annotations

import datetime
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import torch


def medians(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Returns the median seconds of each way; the first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = clock()
            way()
            seconds[name].append(clock() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


def machine() -> str:
    """Returns date and machine in a line."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((li.split(":")[1].strip() for li in info if "model name" in li), "unknown CPU")
    return (
        f"{datetime.date.today()}, {model}, {torch.get_num_threads()} thread(s), "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def run_parts(parts: Mapping[str, Callable[[], object]]) -> None:
    """Runs the parts that the command line names, or all of them, on one thread."""
    torch.set_num_threads(1)
    print(machine())
    for part in sys.argv[1:] or parts:
        parts[part]()
