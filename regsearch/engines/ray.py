"""The engine for many machines: every worker is an actor of a Ray cluster.

Ray finds room for workers, starts them and says when one has died; what trials are trained, and
what happens to the trials of a dead worker, is decided by `regsearch.engines.crew` as on one
machine. Ray itself retries nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, replace

try:
    import ray
except ImportError as error:
    raise ImportError("RayEngine needs Ray: pip install 'regsearch[ray]'") from error

from regsearch.engines import crew
from regsearch.engines.processes import DEADLINE
from regsearch.engines.ray_cluster import connected
from regsearch.engines.ray_room import Need, fitted
from regsearch.engines.ray_workers import RayTransport
from regsearch.trials import OnReport, Outcome, Train, Trial


@dataclass(frozen=True)
class RayEngine:
    """Runs trials in workers all over a Ray cluster, as many at once as it has room for.

    A worker that dies or hangs, alone or with its machine, loses its trial and is replaced where
    there is room; machines that join are used. Workers are gone when the run is closed, and soon
    after the death of the process that runs it. Machines must be able to import what the train
    function comes from; where a script or notebook defines it, it is sent to them.

    Attributes:
        address: "local" starts a Ray of its own on this machine, on loopback alone, and ends it
            with the run; "auto" joins the one that this process or machine is connected to, or
            that RAY_ADDRESS names; "host:port" joins that one. What was joined is left running.
        gpus_per_trial: GPUs of a trial's worker; a fraction lets trials share a GPU, of whose
            memory each may use that part. 0 trains on CPUs, as "local" does without a GPU.
        cpus_per_trial: CPUs of a trial's worker, and its threads.
        devices_per_trial: How many devices train one trial together, a worker on each.
        deadline: Seconds without a word after which a worker with a trial counts as hung.

    Raises:
        ValueError: If an argument cannot be used; when it is run, also if a trial fits nowhere.
    """

    address: str = "local"
    gpus_per_trial: float = 1
    cpus_per_trial: float = 1
    _: KW_ONLY
    devices_per_trial: int = 1
    deadline: float = DEADLINE

    def __post_init__(self) -> None:
        if not re.fullmatch(r"local|auto|[^\s/]+:\d+", self.address):
            raise ValueError(
                f"address must be 'local', 'auto' or 'host:port', but got {self.address!r}. "
                "The coordinator joins a cluster from one of its machines."
            )
        if not self.deadline > 0:
            raise ValueError(f"deadline must be a positive time in s, but got {self.deadline}.")
        self._need()

    def suited(self, *, devices_per_trial: int, deadline: float | None) -> RayEngine:
        """Returns this engine for trials of another size; see `SupervisingEngine`."""
        deadline = self.deadline if deadline is None else deadline
        return replace(self, devices_per_trial=devices_per_trial, deadline=deadline)

    def run(self, train: Train, trials: Iterable[Trial], on_report: OnReport) -> Iterator[Outcome]:
        """Yields an outcome for each trial; see `regsearch.engines.base.Engine`.

        Raises:
            TypeError: If `train` does not pickle.
            ConnectionError: If nobody answers at the address.
            ValueError: If there is room for no trial.
            RuntimeError: If workers cannot be started.
        """
        return self._run(_pickled(train), trials, on_report)

    def _run(self, train: bytes, trials: Iterable[Trial], on_report: OnReport) -> Iterator[Outcome]:
        # Nothing is started before the first outcome is asked for.
        with connected(self.address):
            need = fitted(self._need(), ray.nodes(), or_cpus=self.address == "local")
            transport = RayTransport(train, need)
            yield from crew.run(transport, trials, on_report, deadline=self.deadline)

    def _need(self) -> Need:
        return Need(self.cpus_per_trial, self.gpus_per_trial, self.devices_per_trial)


def _pickled(train: Train) -> bytes:
    try:
        return bytes(ray.cloudpickle.dumps(train))
    except Exception as error:  # a user's __reduce__ may raise anything
        raise TypeError(
            f"A train function must pickle to be sent to workers, but {train!r} does not: {error}. "
            "Leave out of it what cannot be sent: open files, locks, connections."
        ) from error
