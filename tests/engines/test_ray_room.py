"""How many trials fit on a cluster is counted as Ray will place them."""

from __future__ import annotations

from typing import Any

import pytest

from regsearch.engines.ray_room import Need, described, fitted, room


def node(
    *, cpus: float = 4, gpus: float = 0, alive: bool = True, name: str = "a"
) -> dict[str, Any]:
    resources = {"CPU": cpus, "memory": 1e9} | ({"GPU": gpus} if gpus else {})
    return {"Alive": alive, "NodeName": name, "Resources": resources}


@pytest.mark.parametrize(
    ("need", "nodes", "expected"),
    [
        (Need(1, 0), [node(cpus=4)], 4),
        (Need(1, 1), [node(cpus=4, gpus=2), node(cpus=4)], 2),
        (Need(4, 1), [node(cpus=4, gpus=2)], 1),
        (Need(0, 1), [node(cpus=0, gpus=2)], 2),
        (Need(0.1, 0), [node(cpus=1)], 10),  # 0.1 ten times is not 1.0 in floats
        (Need(1, 0.5), [node(gpus=1)], 2),
        (Need(1, 0.4), [node(cpus=8, gpus=2)], 4),  # 2 / 0.4 is 5, but no worker has two halves
        (Need(1, 2), [node(cpus=8, gpus=3)], 1),
        (Need(1, 1, workers=2), [node(gpus=1), node(gpus=1)], 1),
        (Need(1, 1, workers=2), [node(gpus=1)], 0),
        (Need(1, 0), [node(cpus=4, alive=False)], 0),
        (Need(1, 0), [], 0),
    ],
)
def test_room_is_counted_by_node(need: Need, nodes: list[dict[str, Any]], expected: int) -> None:
    assert room(need, nodes) == expected


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers", "match"),
    [
        (-1, 1, 1, "cpus_per_trial must be a fraction or a whole number, but got -1"),
        (1, 1.5, 1, "gpus_per_trial must be a fraction or a whole number, but got 1.5"),
        (1, float("nan"), 1, "gpus_per_trial must be a fraction or a whole number, but got nan"),
        (1, float("inf"), 1, "gpus_per_trial must be a fraction or a whole number, but got inf"),
        (0, 0, 1, "must not both be 0"),
        (1, 1, 0, "devices_per_trial must be a whole number of at least 1, but got 0"),
        (1, 1, 1.5, "devices_per_trial must be a whole number of at least 1, but got 1.5"),
        (1, 0.5, 2, "a GPU each, but got gpus_per_trial=0.5 with devices_per_trial=2"),
    ],
)
def test_what_no_cluster_can_give_is_an_error(
    cpus: float, gpus: float, workers: int, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        Need(cpus, gpus, workers)


def test_a_cluster_without_gpus_says_what_to_do() -> None:
    with pytest.raises(
        ValueError, match="needs 1 GPU and 1 CPU.*has no GPU and 4 CPUs on a; no"
    ) as e:
        fitted(Need(1, 1), [node(), node(name="b")], or_cpus=False)
    assert "gpus_per_trial=0 trains on CPUs" in str(e.value)


def test_too_small_a_cluster_is_an_error() -> None:
    with pytest.raises(
        ValueError, match="needs 2 times 1 GPU and 1 CPU.*Add nodes or ask for less"
    ):
        fitted(Need(1, 1, workers=2), [node(gpus=1)], or_cpus=False)


def test_without_gpus_at_all_cpus_may_do(caplog: pytest.LogCaptureFixture) -> None:
    assert fitted(Need(1, 1), [node()], or_cpus=True) == Need(1, 0)
    assert "on CPUs" in caplog.text
    assert fitted(Need(0, 1), [node()], or_cpus=True) == Need(1, 0)
    assert fitted(Need(1, 1), [node(gpus=1)], or_cpus=True) == Need(1, 1)


def test_a_cluster_is_described_by_its_living_nodes() -> None:
    nodes = [node(gpus=1, name="a"), node(alive=False, name="b"), node(cpus=1, name="c")]
    assert described(nodes) == "1 GPU and 4 CPUs on a; no GPU and 1 CPU on c"
    assert described([]) == "no nodes"
