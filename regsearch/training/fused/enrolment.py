"""From a trial to a member of a stack: its module, its batches, its optimizer.

All of it is made as `train_each` makes it, under the trial's seed: the same initial weights, and
the generators left in the same state for the loaders to draw from.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from regsearch.cautions import PenaltyWarning
from regsearch.namespaces import namespace_of
from regsearch.training.data import is_pair
from regsearch.training.fused.eligible import (
    check_module,
    check_optimizer,
    device_of,
    limits_of,
)
from regsearch.training.fused.feed import Feed
from regsearch.training.fused.member import Member, configured, regularized
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.stand_in import TrainerFacts
from regsearch.training.generators import generator_states
from regsearch.training.surroundings import quiet, seeded
from regsearch.training.task import Task
from regsearch.trials import Trial


class Enrolment:
    """Makes members of trials; those with the same seed share their batches.

    Args:
        task: What is trained.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._feeds: WeakValueDictionary[Hashable, Feed] = WeakValueDictionary()
        self._latest: Feed | None = None  # kept, though no trial may be there to keep it
        self._told: set[type[Warning]] = set()  # what holds for the task is said once

    def member(self, trial: Trial) -> Member:
        """Returns a trial, ready to join a stack.

        Raises:
            NotFusableError: If it cannot be trained in one.
        """
        with quiet(*self._told), seeded(trial.seed):
            module = self._task.module(trial.params)
            check_module(module)
            feed = self._feed(module)
            facts = TrainerFacts(
                self._task.max_epochs, feed.batches, feed.batches * self._task.max_epochs
            )
            optimizer, schedules = configured(module, facts, device_of(self._task))
            check_optimizer(optimizer)
            regularizer = regularized(self._task, module, optimizer, trial)
        if trial.params["penalty"] != "none":
            self._told.add(PenaltyWarning)
        return Member(trial, module, optimizer, schedules, regularizer, feed, facts)

    def _feed(self, module: Any) -> Feed:
        """Returns the batches for a trial whose module has just been made."""
        state = _generators()
        feed = self._feeds.get(state)
        if feed is None:
            loaders = _loaders(self._task.data(), module)
            feed = Feed(loaders, limits_of(self._task), device_of(self._task))
            self._feeds[state] = feed
        self._latest = feed
        return feed


def _generators() -> Hashable:
    """Returns the state that a trial's batches follow from."""
    name, keys, *rest = np.random.get_state()
    cuda = [bytes(state.numpy()) for state in generator_states([])["cuda"]]
    numpy = (name, np.asarray(keys).tobytes(), *rest)
    return bytes(torch.get_rng_state().numpy()), *cuda, numpy, random.getstate()


def _loaders(data: Any, module: Any) -> tuple[Any, Any]:
    package = namespace_of(module)
    if is_pair(data, package):
        return data[0], data[1]
    _check_data_module(data, package.LightningDataModule)
    data.prepare_data()
    data.setup("fit")
    return data.train_dataloader(), data.val_dataloader()


def _check_data_module(data: Any, base: type) -> None:
    for name in (
        "on_before_batch_transfer",
        "transfer_batch_to_device",
        "on_after_batch_transfer",
        "teardown",
        "on_exception",
    ):
        if getattr(type(data), name) is not getattr(base, name):
            raise NotFusableError(f"its data module overrides {name}")
