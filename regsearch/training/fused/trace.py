"""What a module's steps read and write, found out by running each of them once on a copy.

Trials share a stack if nothing that they read differs. A training step that writes cannot be shared
at all: one trial's number would be all trials'. A validation step that writes, looks at numbers or
uses metric objects is run for each trial by itself, on the trial's own module.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from regsearch.training.fused.attributes import Key, Reads, attributes, differing
from regsearch.training.fused.member import Member
from regsearch.training.fused.refusal import NotFusableError, as_refusals
from regsearch.training.fused.steps import Steps
from regsearch.training.surroundings import untouched_generators


@dataclass(frozen=True)
class Trace:
    """What was found.

    Attributes:
        reads: What the code reads that is run for all trials.
        reads_time: Whether it asks for the epoch or the step.
        validates_alone: Whether each trial validates by itself.
    """

    reads: frozenset[Key]
    reads_time: bool
    validates_alone: bool


def trace(member: Member) -> Trace:
    """Runs a trial's steps.

    Raises:
        NotFusableError: If its training step cannot be run for several trials at once.
    """
    with untouched_generators():
        training = _Copy(member, "different")
        with as_refusals():
            training.train()
        if written := training.written():
            raise NotFusableError(f"training_step writes {_named(written)}")
        validation = _Copy(member, "different")
        alone = not _can_validate(validation)
        if alone:
            _check_alone(member, training)
    shared = [training] if alone else [training, validation]
    reads = frozenset(key for one in shared for key in one.seen)
    return Trace(reads, any(one.steps.clock.was_read for one in shared), alone)


class _Copy:
    """A copy of a trial's module whose reads and writes are noted."""

    def __init__(self, member: Member, randomness: Any) -> None:
        self._module = copy.deepcopy(member.module)
        self._member = member
        self.steps = Steps(self._module, randomness)
        self._before = copy.deepcopy(attributes(self._module))
        self._reads = Reads(self._module)
        self.seen: frozenset[Key] = frozenset()
        named = [*self._module.named_parameters(), *self._module.named_buffers()]
        is_alone = randomness is None
        self._tensors: dict[str, Tensor] = {
            name: tensor.detach().clone() if is_alone else tensor.detach().unsqueeze(0).clone()
            for name, tensor in named
        }

    def train(self) -> None:
        self._begin()
        self.steps.train(self._tensors, self._member.batches().train[0], 0, is_stacked=False)
        self.seen = frozenset(self._reads.seen)

    def _begin(self) -> None:
        """Forgets what was read so far: looking at a module reads as well."""
        self._reads.seen.clear()

    def validate(self) -> None:
        batch = self._member.feed.first_validation()
        self._begin()
        self.steps.validate(self._tensors, batch, 0, is_stacked=False)
        self.seen = frozenset(self._reads.seen)

    def written(self) -> set[Key]:
        return differing(self._before, attributes(self._module))


def _can_validate(validation: _Copy) -> bool:
    """Whether several trials can be validated at once."""
    try:
        with as_refusals():
            validation.validate()
    except NotFusableError:
        return False
    return not validation.written()


def _check_alone(member: Member, training: _Copy) -> None:
    """Raises NotFusableError if the training step reads what a trial's own validation writes."""
    validation = _Copy(member, None)
    validation.validate()
    if crossing := validation.written() & training.seen:
        raise NotFusableError(f"training_step reads {_named(crossing)}, which validation writes")


def _named(keys: set[Key]) -> str:
    path, name = min(keys)
    return f"{path}.{name}" if path else name
