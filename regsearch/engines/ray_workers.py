"""The coordinator's end of workers on a Ray cluster.

The coordinator calls for a worker's next word, and Ray says when that or the end of the process has
come. The workers of a group share a placement group: they get room together or not at all, and are
ended together with all that they have started, even if they are stopped. What an ended worker still
says nobody asks for, on whatever side of a broken network it may be.
"""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from regsearch.engines.ray_actor import Place, Surroundings, TrainingActor
from regsearch.engines.ray_room import Need, described, room
from regsearch.engines.workers import Answer, Said, Worker, WorkerGoneError

_log = logging.getLogger(__name__)

_GLANCE = 5.0  # seconds after which to look again how many nodes there are
_ENDING = 10.0  # seconds that the end of a process may take
_THREADS = 3  # of an actor: it trains, waits to say something, takes an answer


class RayWorker:
    """The coordinator's end of one worker.

    Attributes:
        name: What it is called in errors.
        place: Where it runs, once it does.
        news: Ray's handle of what it says next.

    Args:
        actor: Ray's handle of the worker.
        group: Ray's handle of the room that it shares with its group.
        title: What it is called, before it is known where it runs.
    """

    def __init__(self, actor: Any, group: Any, title: str) -> None:
        self._actor = actor
        self._group = group
        self._title = title
        self.name = f"{title}, not yet running,"
        self.place: Place | None = None
        self.news = actor.place.remote()

    def train(self, pickled: Any, rank: int, group: Iterable[Any]) -> None:
        """Has it train, once all of its group run."""
        self._actor.train.remote(pickled, rank, *group)

    def receive(self) -> Said | None:
        if not ray.wait([self.news], timeout=0)[0]:
            return None
        try:
            word = ray.get(self.news)
        except RayError as error:
            raise WorkerGoneError(f"died: {_cause(error)}") from None
        self.news = self._actor.next_word.remote()
        if isinstance(word, Place):
            self.place, self.name = word, f"{self._title} on {word}"
            return None
        said: Said | str = pickle.loads(word)
        if isinstance(said, str):
            raise WorkerGoneError(said)
        return said

    def send(self, answer: Answer) -> None:
        self._actor.answer.remote(answer)

    def end(self) -> None:
        ray.kill(self._actor)  # at once, unless it is stopped
        remove_placement_group(self._group)  # surely, and with what it has started


class RayTransport:
    """Starts workers where a Ray cluster has room for them.

    Args:
        train: The train function, pickled.
        need: What a trial takes.
    """

    def __init__(self, train: bytes, need: Need) -> None:
        self._train = ray.put(train)
        self._need = need
        self._surroundings = Surroundings()
        self._groups: dict[int, Sequence[RayWorker]] = {}
        self._slots = 0
        self._looked = -_GLANCE

    @property
    def slots(self) -> int:
        """Returns for how many groups there is room, which changes as nodes join and leave."""
        if time.monotonic() - self._looked >= _GLANCE:
            self._looked = time.monotonic()
            self._look()
        return self._slots

    def start(self, slot: int) -> Sequence[RayWorker]:
        need = self._need
        group = placement_group([need.bundle] * need.workers, strategy="PACK")
        workers = [self._worker(group, rank) for rank in range(need.workers)]
        places = [worker.news for worker in workers]
        for rank, worker in enumerate(workers):
            worker.train(self._train, rank, places)
        self._groups[slot] = workers
        return workers

    def wait(self, workers: Collection[Worker], timeout: float) -> Collection[Worker]:
        by_news = {worker.news: worker for worker in workers if isinstance(worker, RayWorker)}
        first, _ = ray.wait(list(by_news), timeout=min(timeout, _GLANCE))
        if not first:
            return []
        ready, _ = ray.wait(list(by_news), num_returns=len(by_news), timeout=0)
        return [by_news[news] for news in ready]

    def close(self) -> None:
        workers = [worker for group in self._groups.values() for worker in group]
        for worker in workers:
            worker.end()
        ray.wait([worker.news for worker in workers], num_returns=len(workers), timeout=_ENDING)
        here = ray.util.get_node_ip_address()
        places = [worker.place for worker in workers if worker.place is not None]
        _wait_for_the_end(place.process for place in places if place.address == here)

    def _worker(self, group: Any, rank: int) -> RayWorker:
        need = self._need
        options = {
            "num_cpus": need.cpus,
            "num_gpus": need.gpus,
            "max_concurrency": _THREADS,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": PlacementGroupSchedulingStrategy(group, rank),
        }
        actor: Any = ray.remote(TrainingActor)
        started = actor.options(**options).remote(need, self._surroundings)
        title = "the worker" if need.workers == 1 else f"the worker of rank {rank}"
        return RayWorker(started, group, title)

    def _look(self) -> None:
        nodes = ray.nodes()
        before, self._slots = self._slots, room(self._need, nodes)
        if before and not self._slots:
            _log.warning(
                "Trials wait for room on the Ray cluster: one needs %s, but there is %s.",
                self._need,
                described(nodes),
            )


def _cause(error: RayError) -> str:
    """Returns the sentences of Ray's that say what happened, on one line."""
    last = str(error).strip().splitlines()[-1]
    what = last.rpartition("Worker exit detail: ")[2].partition(" Some common causes")[0]
    return what.rstrip(".")


def _wait_for_the_end(processes: Iterable[int]) -> None:
    """Returns when none of these is left; Ray calls a worker dead a moment before it is."""
    limit = time.monotonic() + _ENDING
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < limit:
                os.kill(process, 0)
                time.sleep(0.01)
