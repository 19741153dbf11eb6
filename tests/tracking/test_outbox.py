"""What is sent of reports that wait together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from regsearch.tracking.outbox import Outbox
from regsearch.tracking.progress import Progress
from regsearch.tracking.store import Point


class Taken:
    """A store that keeps what it is given to measure."""

    def __init__(self) -> None:
        self.points: list[tuple[str, Point]] = []

    def measure(self, run: str, points: Sequence[Point]) -> None:
        self.points += [(run, point) for point in points]

    def steps(self, run: str, name: str) -> list[int]:
        return [point[3] for other, point in self.points if (other, point[0]) == (run, name)]


METRICS = {
    "val_loss": 0.5,
    "loss/total": 0.6,
    "sparsity/all": 0.1,
    "sparsity/net.0.weight": 0.2,
    "weights_p05/net.0.weight": -0.1,
    "weights_per_class/cat": 3.0,
}
OF_LAYERS = {"sparsity/net.0.weight", "weights_p05/net.0.weight"}


def sent(steps_by_flush: Sequence[Sequence[int]]) -> Taken:
    store = Taken()
    outbox = Outbox(cast(Any, store), Progress())
    for steps in steps_by_flush:
        for step in steps:
            outbox.add("a", METRICS, 1000 + step, step)
            outbox.add("b", METRICS, 1000 + step, step)
        outbox.flush()
    return store


def test_each_report_that_is_sent_by_itself_is_sent_whole() -> None:
    store = sent([[0], [1], [2]])
    assert {name: store.steps("a", name) for name in METRICS} == dict.fromkeys(METRICS, [0, 1, 2])


def test_of_reports_that_wait_together_the_last_one_tells_of_layers() -> None:
    store = sent([[0], [1, 2, 3], [4]])
    for run in ("a", "b"):
        found = {name: store.steps(run, name) for name in METRICS}
        assert found == {n: [0, 3, 4] if n in OF_LAYERS else [0, 1, 2, 3, 4] for n in METRICS}
