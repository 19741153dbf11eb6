"""How many trials a Ray cluster has room for at once.

A node with 8 CPUs and 2 GPUs has room for two workers with a GPU and a CPU each, and for four that
take half a GPU. Ray is not needed to count that: a node is what `ray.nodes()` says of it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Need:
    """What a trial takes.

    Attributes:
        cpus: CPUs of each of its workers.
        gpus: GPUs of each of its workers.
        workers: How many workers train it together.

    Raises:
        ValueError: If no cluster could give it.
    """

    cpus: float
    gpus: float
    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1 or self.workers % 1:
            raise ValueError(
                f"devices_per_trial must be a whole number of at least 1, but got {self.workers!r}."
            )
        for name, number in (("cpus_per_trial", self.cpus), ("gpus_per_trial", self.gpus)):
            if not 0 <= number < math.inf or (number > 1 and number % 1):
                raise ValueError(
                    f"{name} must be a fraction or a whole number, but got {number!r}."
                )
        if not self.bundle:
            raise ValueError("cpus_per_trial and gpus_per_trial must not both be 0.")
        if self.workers > 1 and 0 < self.gpus < 1:
            raise ValueError(
                "Workers that train a trial together must have a GPU each, but got "
                f"gpus_per_trial={self.gpus} with devices_per_trial={self.workers}."
            )

    def __str__(self) -> str:
        parts = ((self.gpus, "GPU"), (self.cpus, "CPU"))
        each = " and ".join(_counted(number, unit) for number, unit in parts if number)
        return each if self.workers == 1 else f"{self.workers} times {each}"

    @property
    def bundle(self) -> dict[str, float]:
        """Returns what one worker takes, in Ray's words."""
        return {name: n for name, n in (("CPU", self.cpus), ("GPU", self.gpus)) if n}


def room(need: Need, nodes: Sequence[Mapping[str, Any]]) -> int:
    """Returns how many trials can run at once on the living ones of these nodes.

    >>> node = {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}}
    >>> room(Need(cpus=1, gpus=0.4), [node]), room(Need(cpus=1, gpus=1, workers=3), [node, node])
    (4, 1)
    """
    workers = sum(_workers(need, node["Resources"]) for node in nodes if node["Alive"])
    return workers // need.workers


def fitted(need: Need, nodes: Sequence[Mapping[str, Any]], *, or_cpus: bool) -> Need:
    """Returns what a trial takes on these nodes.

    Args:
        need: What it should take.
        nodes: What there is.
        or_cpus: Whether a trial does without GPUs if there are none.

    Raises:
        ValueError: If there is room for no trial.
    """
    if or_cpus and need.gpus and not _total("GPU", nodes):
        _log.warning("Trials run on CPUs: this machine has no GPU that Ray knows of.")
        need = replace(need, cpus=need.cpus or 1, gpus=0)
    if not room(need, nodes):
        advice = "Add nodes or ask for less"
        if need.gpus and not _total("GPU", nodes):
            advice += ": gpus_per_trial=0 trains on CPUs"
        raise ValueError(
            f"A trial needs {need}, for which there must be room, but the Ray cluster has "
            f"{described(nodes)}. {advice}."
        )
    return need


def described(nodes: Sequence[Mapping[str, Any]]) -> str:
    """Returns what each living node has, in words.

    >>> described([{"Alive": True, "NodeName": "a", "Resources": {"CPU": 8.0, "GPU": 1.0}}])
    '1 GPU and 8 CPUs on a'
    """
    return "; ".join(_node(node) for node in nodes if node["Alive"]) or "no nodes"


def _node(node: Mapping[str, Any]) -> str:
    gpus, cpus = (_counted(_amount(name, node), name) for name in ("GPU", "CPU"))
    return f"{gpus} and {cpus} on {node['NodeName']}"


def _workers(need: Need, resources: Mapping[str, float]) -> int:
    rooms = []
    if need.cpus:
        rooms.append(_times(need.cpus, resources.get("CPU", 0.0)))
    if 0 < need.gpus < 1:  # a fraction is one of a single GPU
        rooms.append(int(resources.get("GPU", 0.0)) * _times(need.gpus, 1.0))
    elif need.gpus:
        rooms.append(_times(need.gpus, resources.get("GPU", 0.0)))
    return min(rooms)


def _times(part: float, whole: float) -> int:
    """Returns how often a part fits into a whole; Ray counts in ten-thousandths."""
    return round(whole * 10_000) // max(1, round(part * 10_000))


def _total(name: str, nodes: Sequence[Mapping[str, Any]]) -> float:
    return sum(_amount(name, node) for node in nodes if node["Alive"])


def _amount(name: str, node: Mapping[str, Any]) -> float:
    return float(node["Resources"].get(name, 0.0))


def _counted(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'s' if number > 1 else ''}" if number else f"no {unit}"
