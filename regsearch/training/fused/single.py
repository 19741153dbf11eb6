"""One trial trained by itself, without a Trainer around it: what cannot be fused and need not wait.

The module runs as it is, so it may look at numbers, remember some, use metric objects, LSTMs and
hooks of its layers. What is left out is what the Trainer does besides training, which for a small
model is most of the time. To `regsearch.training.fused.train` it is a stack of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from regsearch.applied import Applied
from regsearch.losses import LossMeans, batch_size
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.draws import Draws
from regsearch.training.fused.logbook import Logbook
from regsearch.training.fused.member import Member
from regsearch.training.fused.schedules import Schedules


class Single:
    """A trial by itself.

    Args:
        member: The trial.
        clipping: How gradients are clipped.
    """

    def __init__(self, member: Member, clipping: Clipping) -> None:
        self.members = [member]
        self._clipping = clipping
        self._applied = Applied(member.module, [member.regularizer], [member.optimizer])
        self._draws = Draws(member.trial.seed)

    def join(self, members: Sequence[Member]) -> None:
        """Takes notice that the trial is there, which it is from the beginning."""

    def keep(self, rows: Sequence[int]) -> None:
        """Leaves the trial, or nothing."""
        self.members = [self.members[row] for row in rows]

    def epoch(self) -> list[dict[str, float]]:
        """Trains the trial for an epoch, validates if it is time, and steps schedulers.

        Returns:
            `loss/data`, `loss/penalty`, `loss/total`.
        """
        (member,) = self.members
        train, validation, _ = member.batches()
        book, means = Logbook("training_step"), LossMeans()
        member.begin_epoch()
        with self._draws:
            self._train(member, train, book, means)
            _log(member, book.metrics(on_step=True))
            if validation:
                member.validate(validation)
            _log(member, book.metrics(on_step=False))
        return [means.means()]

    def rehearse(self) -> None:
        """Takes one training step, whatever becomes of it: to see how long it takes."""
        (member,) = self.members
        member.schedules = Schedules(())
        batches = member.batches().train[:1]
        self._train(member, batches, Logbook("training_step"), LossMeans())

    def _train(
        self, member: Member, batches: Sequence[Any], book: Logbook, means: LossMeans
    ) -> None:
        optimizer, steps = member.optimizer, member.steps
        for index, batch in enumerate(batches):
            penalty = self._applied.value()
            steps.clock.step = member.epoch * len(batches) + index
            result = steps.alone("training_step", batch, index)
            book.add(result.notes, result.values, batch)
            if result.loss is not None:
                means.add(result.loss.detach(), penalty, batch_size(batch))
                optimizer.zero_grad()
                result.loss.backward()  # type: ignore[no-untyped-call]  # torch's own
                self._applied.before_step(optimizer)
                self._clipping.clip_one_(optimizer)
                optimizer.step()
                self._applied.after_step(optimizer)
            member.schedules.after_batch(index)
        member.schedules.after_training(member.epoch)


def _log(member: Member, metrics: Mapping[str, torch.Tensor]) -> None:
    member.logged |= {name: float(value) for name, value in metrics.items()}
