"""The batches of a trial's epochs, read once for all trials that would see the same.

A trial that is trained alone draws its batches from the generators as its module's construction
left them. A feed starts from that state and asks the loaders for batches in the Trainer's order: an
epoch's training batches, then its validation batches. Trials with the same seed see the same
batches, however many epochs one is ahead of another; an epoch is kept as long as there is room, and
read again from the generators' state otherwise.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import torch
from lightning_fabric.utilities import move_data_to_device
from lightning_fabric.utilities.data import _set_sampler_epoch
from lightning_fabric.utilities.seed import pl_worker_init_function
from torch.utils.data import DataLoader

from regsearch.training.fused.batches import Signature, are_equal, signature, size_in_bytes
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.generators import generator_states, restore_generators
from regsearch.training.surroundings import untouched_generators

ROOM = 1 << 30  # bytes of batches that are kept


class Epoch(NamedTuple):
    """One epoch's batches; equal ones of two epochs are the same object.

    Attributes:
        train: Training batches, on the device.
        validation: Validation batches; empty if there is no validation in this epoch.
        shape: What epochs must have in common to be trained side by side.
    """

    train: list[Any]
    validation: list[Any]
    shape: Signature


@dataclass(frozen=True)
class Limits:
    """How much of the loaders the Trainer would read.

    Attributes:
        train: `limit_train_batches`.
        validation: `limit_val_batches`.
        every: `check_val_every_n_epoch`.
    """

    train: int | float = 1.0
    validation: int | float = 1.0
    every: int = 1

    def validates(self, epoch: int) -> bool:
        """Whether there is a validation at the end of an epoch, counted from 0."""
        return (epoch + 1) % self.every == 0


class Feed:
    """Batches by epoch.

    To be made under the generators' state that a trial's module left.

    Args:
        loaders: Training and validation loader.
        limits: How much of them is read.
        device: Where batches go.
    """

    def __init__(self, loaders: tuple[Any, Any], limits: Limits, device: torch.device) -> None:
        self._train, self._validation = loaders
        self._limits = limits
        self._device = device
        self._kept: OrderedDict[int, Epoch] = OrderedDict()
        self._states: list[Mapping[str, Any]] = [generator_states(list(loaders))]
        for name, loader in (("training", self._train), ("validation", self._validation)):
            _check_loader(name, loader)
            _seed_workers(loader)
        self.batches = _count(len(self._train), limits.train)
        self.validation_batches = _count(len(self._validation), limits.validation)
        if not self.batches:
            raise ValueError(
                "Task.data must give at least one training batch, but the training loader is empty."
            )
        if not self.validation_batches:
            raise ValueError(
                "Task.data must give at least one validation batch, but there is none: pass a "
                "validation loader that is not empty, and define validation_step."
            )

    def epoch(self, number: int) -> Epoch:
        """Returns an epoch's batches; the generators are as before afterwards."""
        if number not in self._kept:
            for earlier in range(len(self._states) - 1, number):
                self._read(earlier)
            self._read(number)
        self._kept.move_to_end(number)
        return self._kept[number]

    @property
    def is_even(self) -> bool:
        """Whether epochs are alike in shape, so that trials at different ones fit together."""
        return self._limits.every == 1 and self.epoch(0).shape == self.epoch(1).shape

    def has_room(self, epochs: int) -> bool:
        """Whether so many epochs can be kept, to be read once and not by each trial."""
        train, validation, _ = self.epoch(0)
        return epochs * size_in_bytes(train) + size_in_bytes(validation) <= ROOM

    def first_validation(self) -> Any:
        """Returns the first validation batch of all."""
        return self.epoch(self._limits.every - 1).validation[0]

    def _read(self, number: int) -> None:
        loaders = [self._train, self._validation]
        with untouched_generators():
            restore_generators(self._states[number], loaders)
            _set_sampler_epoch(self._train, number)
            train = self._batches(self._train, self.batches)
            validation: list[Any] = []
            if self._limits.validates(number):
                _set_sampler_epoch(self._validation, number)
                validation = self._batches(self._validation, self.validation_batches)
            if len(self._states) == number + 1:
                self._states.append(generator_states(loaders))
        self._keep(number, train, validation)

    def _batches(self, loader: Any, count: int) -> list[Any]:
        batches: list[Any] = []
        size = 0
        for batch in islice(loader, count):
            batches.append(move_data_to_device(batch, self._device))
            size += size_in_bytes(batches[-1:])
            if size > ROOM:
                raise NotFusableError(f"an epoch's batches take more than {ROOM >> 20} MiB")
        return batches

    def _keep(self, number: int, train: list[Any], validation: list[Any]) -> None:
        train = self._known(train, lambda epoch: epoch.train)
        validation = self._known(validation, lambda epoch: epoch.validation)
        shape = tuple(map(signature, train)), tuple(map(signature, validation))
        self._kept[number] = Epoch(train, validation, shape)
        while len(self._kept) > 1 and self._used() > ROOM:
            self._kept.popitem(last=False)

    def _known(self, batches: list[Any], of: Callable[[Epoch], list[Any]]) -> list[Any]:
        """Returns an earlier epoch's batches if they are equal: what does not change is one."""
        latest: Iterator[list[Any]] = (of(epoch) for epoch in reversed(self._kept.values()))
        earlier = next((found for found in latest if found), [])
        return earlier if are_equal(earlier, batches) else batches

    def _used(self) -> int:
        lists = [batches for epoch in self._kept.values() for batches in epoch[:2]]
        return sum(size_in_bytes(one) for one in {id(one): one for one in lists}.values())


def _check_loader(name: str, loader: Any) -> None:
    if not isinstance(loader, DataLoader):
        raise NotFusableError(f"the {name} loader is a {type(loader).__name__}, no DataLoader")
    try:
        len(loader)
    except TypeError:
        raise NotFusableError(f"the {name} loader has no length") from None


def _seed_workers(loader: DataLoader[Any]) -> None:
    """Has workers seeded as the Trainer does it."""
    if loader.num_workers and loader.worker_init_fn is None:
        loader.worker_init_fn = partial(pl_worker_init_function, rank=0)


def _count(length: int, limit: int | float) -> int:
    return min(length, limit) if isinstance(limit, int) else int(length * limit)
