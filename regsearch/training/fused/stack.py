"""Trials as one model: their tensors stacked along a first dimension, K places for K trials.

`join` gives new trials the last places, `keep` leaves some trials only, bit for bit as they are,
and `epoch` trains all for one epoch. Trials may be at different epochs of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regsearch.losses import batch_size
from regsearch.training.fused.batches import stacked
from regsearch.training.fused.draws import Draws
from regsearch.training.fused.feed import Epoch
from regsearch.training.fused.logbook import Logbook
from regsearch.training.fused.means import StackMeans
from regsearch.training.fused.member import Member
from regsearch.training.fused.passes import Passes
from regsearch.training.fused.refusal import NotFusableError, as_refusals
from regsearch.training.fused.schedules import Schedules
from regsearch.training.fused.steps import Result
from regsearch.training.fused.tensors import Slot, slots
from regsearch.training.fused.updates import Updates


class Stack:
    """Trials that are trained as one model.

    Args:
        passes: Run the module's code.
        updates: Moves the weights.
        validates_alone: Whether each trial's own module validates it, not all at once.
    """

    def __init__(self, passes: Passes, updates: Updates, *, validates_alone: bool = False) -> None:
        self._validates_alone = validates_alone
        self.passes = passes
        self.members: list[Member] = []
        self._updates = updates
        self._draws: Draws | None = None
        self._parameters: dict[str, Tensor] = {}
        self._buffers: dict[str, Tensor] = {}
        self._slots: dict[Member, list[Slot]] = {}

    def join(self, members: Sequence[Member]) -> None:
        """Gives trials places, behind those that are there."""
        modules = [member.module for member in members]
        _append(self._parameters, [dict(module.named_parameters()) for module in modules])
        _append(self._buffers, [dict(module.named_buffers()) for module in modules])
        self._slots |= {member: slots(member.module) for member in members}
        self.members += members
        self._bind()

    def keep(self, rows: Sequence[int]) -> None:
        """Leaves only some trials, in that order."""
        if list(rows) == list(range(len(self.members))):
            return
        for kind in (self._parameters, self._buffers):
            for name, tensor in kind.items():
                kind[name] = tensor.detach()[
                    torch.tensor(rows, dtype=torch.long, device=tensor.device)
                ]
        self.members = [self.members[row] for row in rows]
        self._slots = {member: self._slots[member] for member in self.members}
        self._updates.keep(rows)
        self._bind()

    def _bind(self) -> None:
        """Has each trial's own module stand in its place of the stack."""
        places = self._parameters | self._buffers
        for row, member in enumerate(self.members):
            for name, holder, key in self._slots[member]:
                if name in self._parameters:
                    holder[key].data = places[name][row]
                else:
                    holder[key] = places[name][row]
        if self.members:
            own = dict(self.members[0].module.named_parameters())
            self._updates.bind(self.members, dict(self._parameters))
            for name, tensor in self._parameters.items():
                self._parameters[name] = tensor.detach().requires_grad_(own[name].requires_grad)

    def epoch(self) -> list[dict[str, float]]:
        """Trains all trials for an epoch, validates if it is time, and steps schedulers.

        Returns:
            One a trial: `loss/data`, `loss/penalty`, `loss/total`.
        """
        epochs = [member.batches() for member in self.members]
        if len({epoch.shape for epoch in epochs}) > 1:
            raise NotFusableError("the batches of its epochs differ in shape")
        if self._draws is None:
            self._draws = Draws(self.members[0].trial.seed)
        with self._draws, as_refusals(), np.errstate(all="ignore"):
            return self._epoch(epochs)

    def rehearse(self) -> None:
        """Takes one training step, whatever becomes of it: to see how long it takes."""
        batches = [member.batches().train[:1] for member in self.members]
        for member in self.members:
            member.schedules = Schedules(())
        with as_refusals():
            self._train(batches, Logbook("training_step"), StackMeans())

    def _epoch(self, epochs: Sequence[Epoch]) -> list[dict[str, float]]:
        self._updates.refresh()
        self.passes.steps.clock.epoch = self.members[0].epoch
        for member in self.members:
            member.begin_epoch()
        book, means = Logbook("training_step"), StackMeans()
        self._train([epoch.train for epoch in epochs], book, means)
        self._log(book.metrics(on_step=True))
        if epochs[0].validation and self._validates_alone:
            for member, epoch in zip(self.members, epochs, strict=True):
                member.validate(epoch.validation)
        elif epochs[0].validation:
            self._validate([epoch.validation for epoch in epochs])
        self._log(book.metrics(on_step=False))
        return means.losses() or [{} for _ in self.members]

    def _train(self, batches: Sequence[list[Any]], book: Logbook, means: StackMeans) -> None:
        count = len(batches[0])
        penalties = self._updates.penalties()
        for index in range(count):
            batch, is_stacked = _together([mine[index] for mine in batches])
            self.passes.steps.clock.step = self.members[0].epoch * count + index
            result, grads = self.passes.train(
                self._parameters | self._buffers, batch, index, is_stacked=is_stacked
            )
            self._take_over(result)
            book.add(result.notes, result.values, batches[0][index])
            if result.loss is not None:
                means.add(result.loss.detach(), penalties, batch_size(batches[0][index]))
                self._updates.step(grads)
                penalties = self._updates.penalties()
            self._schedule(index, is_last=index == count - 1)

    def _take_over(self, result: Result) -> None:
        for name, buffer in result.buffers.items():
            self._buffers[name].copy_(buffer.detach())

    def _schedule(self, index: int, *, is_last: bool) -> None:
        has_changed = False
        for member in self.members:
            has_changed |= member.schedules.after_batch(index)
            if is_last:
                has_changed |= member.schedules.after_training(member.epoch)
        if has_changed:
            self._updates.refresh()

    def _validate(self, batches: Sequence[list[Any]]) -> None:
        book = Logbook("validation_step")
        for index in range(len(batches[0])):
            batch, is_stacked = _together([mine[index] for mine in batches])
            result, _ = self.passes.validate(
                self._parameters | self._buffers, batch, index, is_stacked=is_stacked
            )
            self._take_over(result)
            book.add(result.notes, result.values, batches[0][index])
        self._log(book.metrics(on_step=False))

    def _log(self, metrics: Mapping[str, Tensor]) -> None:
        for name, values in metrics.items():
            for member, value in zip(self.members, values.tolist(), strict=True):
                member.logged[name] = value


def _append(stacks: dict[str, Tensor], rows: Sequence[Mapping[str, Tensor]]) -> None:
    for name in rows[0]:
        added = [row[name].detach().unsqueeze(0) for row in rows]
        stacks[name] = torch.cat([stacks[name].detach(), *added] if name in stacks else added)


def _together(batches: Sequence[Any]) -> tuple[Any, bool]:
    """Returns the batch that all trials share, or one of each, and whether it is that."""
    if all(batch is batches[0] for batch in batches):
        return batches[0], False
    return stacked(batches), True
