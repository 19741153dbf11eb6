"""The engine for one machine: worker processes, one or more on each of its devices."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, replace

from regsearch.engines import crew
from regsearch.engines.devices import Devices, Slot, slots
from regsearch.engines.process_pool import ProcessPool
from regsearch.trials import OnReport, Outcome, Train, Trial

DEADLINE = 4 * 3600.0


@dataclass(frozen=True)
class ProcessEngine:
    """Runs trials in worker processes, on the GPUs or cores of this machine.

    A worker that dies or hangs loses its trial and is replaced on the same device. Workers are
    gone when the run is closed, and within two seconds of the death of the process that runs it.
    The train function is sent to them, and all they hold must be importable from files.

    Attributes:
        devices: "auto" is every visible GPU, or else a worker on each core; a number is so many;
            a list names them, ["0", "1"] or ["cpu", "cpu"], GPUs as in CUDA_VISIBLE_DEVICES.
        per_device: How many workers share a device; each may use its share of a GPU's memory.
        devices_per_trial: How many devices train one trial together, a worker on each.
        deadline: Seconds without a word after which a worker with a trial counts as hung.

    Raises:
        ValueError: If an argument cannot be used; when it is run, also if there is no such device.
    """

    devices: Devices = "auto"
    per_device: int = 1
    _: KW_ONLY
    devices_per_trial: int = 1
    deadline: float = DEADLINE

    def __post_init__(self) -> None:
        for name in ("per_device", "devices_per_trial"):
            _check_count(name, getattr(self, name))
        if not self.deadline > 0:
            raise ValueError(f"deadline must be a positive time in s, but got {self.deadline}.")
        if isinstance(self.devices, int):
            _check_count("devices", self.devices)
        elif not self.devices or (isinstance(self.devices, str) and self.devices != "auto"):
            raise ValueError(
                f"devices must be 'auto', a number or a list of devices, but got {self.devices!r}."
            )

    def suited(self, *, devices_per_trial: int, deadline: float | None) -> ProcessEngine:
        """Returns this engine for trials of another size; see `SupervisingEngine`."""
        deadline = self.deadline if deadline is None else deadline
        suited = replace(self, devices_per_trial=devices_per_trial, deadline=deadline)
        suited._slots()
        return suited

    def run(self, train: Train, trials: Iterable[Trial], on_report: OnReport) -> Iterator[Outcome]:
        """Yields an outcome for each trial; see `regsearch.engines.base.Engine`.

        Raises:
            TypeError: If `train` does not pickle.
            RuntimeError: If workers cannot be started.
        """
        return self._run(_pickled(train), self._slots(), trials, on_report)

    def _run(
        self, train: bytes, places: list[Slot], trials: Iterable[Trial], on_report: OnReport
    ) -> Iterator[Outcome]:
        # Nothing is started before the first outcome is asked for.
        yield from crew.run(ProcessPool(train, places), trials, on_report, deadline=self.deadline)

    def _slots(self) -> list[Slot]:
        return slots(
            self.devices, per_device=self.per_device, devices_per_trial=self.devices_per_trial
        )


def _pickled(train: Train) -> bytes:
    try:
        return pickle.dumps(train)
    except Exception as error:  # a user's __reduce__ may raise anything
        raise TypeError(
            f"A train function must pickle to be sent to workers, but {train!r} does not: {error}. "
            "Define it, and all it holds, at the top level of a module."
        ) from error


def _check_count(name: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, but got {count!r}.")
