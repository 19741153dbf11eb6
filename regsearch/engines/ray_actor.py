"""The worker's side on a Ray cluster: a process that trains in one thread and speaks in others.

Ray calls an actor's methods in threads. One of them trains for as long as the worker lives; the
others pass on what it says, and the answers.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import ray

from regsearch.engines.ranks import free_port, rank_environment
from regsearch.engines.ray_room import Need
from regsearch.engines.serving import serve
from regsearch.engines.workers import Answer, Ask, Broken, Step
from regsearch.trials import Outcome, Report


@dataclass(frozen=True)
class Surroundings:
    """What a worker shares with the coordinator, wherever that is possible.

    Attributes:
        folder: The working directory.
        path: Where Python looks for modules.
    """

    folder: str = field(default_factory=os.getcwd)
    path: Sequence[str] = field(default_factory=lambda: tuple(sys.path))

    def enter(self) -> None:
        """Makes this process share them."""
        with suppress(OSError):  # another machine may not have the folder
            os.chdir(self.folder)
        sys.path += [place for place in self.path if place not in sys.path]


@dataclass(frozen=True)
class Place:
    """Where a worker runs.

    Attributes:
        address: Of its machine, for the other workers.
        process: Its process id.
        gpus: Numbers of the GPUs that it may use.
        port: A free one of its machine.
    """

    address: str
    process: int
    gpus: tuple[int, ...]
    port: int

    def __str__(self) -> str:
        gpus = "".join(f", GPU {number}" for number in self.gpus)
        return f"{self.address}{gpus} (process {self.process})"


class TrainingActor:
    """One worker: what Ray makes an actor of."""

    def __init__(self, need: Need, surroundings: Surroundings) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the coordinator's
        surroundings.enter()
        os.environ["OMP_NUM_THREADS"] = str(max(1, int(need.cpus)))
        if not need.gpus:  # else it would see all that the machine has
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._need = need
        self._words = _Words()

    def place(self) -> Place:
        """Returns where this is."""
        address = ray.util.get_node_ip_address()
        gpus = tuple(ray.get_gpu_ids())
        return Place(address, os.getpid(), gpus, free_port(address))

    def train(self, pickled: bytes, rank: int, *places: Place) -> None:
        """Trains what the coordinator gives, until there is no more.

        Args:
            pickled: The train function.
            rank: Place among the workers that train a trial together.
            places: Where these are, rank 0 first; Ray waits until all are known.
        """
        last_words = "has finished"
        try:
            self._become_rank(rank, places[0])
            train = pickle.loads(pickled)
            self._share_gpu()
            serve(train, self._words, rank=rank)
        except SystemExit as end:
            last_words = f"exited with code {end.code}"
        except Exception:  # what the train function needs is not on this machine
            self._words.tell(Broken(traceback.format_exc()))
        self._words.end(last_words)

    def next_word(self) -> bytes:
        """Returns the next thing that is said, pickled, as soon as there is one."""
        return self._words.said.get()

    def answer(self, answer: Answer) -> None:
        """Takes the answer to the last question."""
        self._words.answers.put(answer)

    def _become_rank(self, rank: int, first: Place) -> None:
        size = self._need.workers
        if size > 1:  # each sees its own GPUs alone, so that none is another's local rank
            os.environ |= rank_environment(
                rank, size, address=first.address, port=first.port, local_size=1
            )

    def _share_gpu(self) -> None:
        torch = sys.modules.get("torch")
        if torch is not None and 0 < self._need.gpus < 1 and torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(self._need.gpus)


class _Words:
    """The conversation, between the thread that trains and those that Ray calls."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def tell(self, said: Outcome | Broken) -> None:
        self.said.put(pickle.dumps(said))  # here, where an error belongs to the train function

    def ask(self, said: Ask | Report | Step) -> Answer:
        self.said.put(pickle.dumps(said))
        return self.answers.get()

    def end(self, last_words: str) -> None:
        self.said.put(pickle.dumps(last_words))
