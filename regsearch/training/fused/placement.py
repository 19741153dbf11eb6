"""Which trials go into one stack: those that could lend each other their code.

Same parts, same shapes, same kind of optimizer, and nothing that a step reads may differ. What does
differ and is not read, such as a learning rate, is guarded in the code that a stack runs: were it
read later, that would be an error and not a wrong number.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable
from typing import Any

from regsearch.training.fused.attributes import Key, attributes, differing
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.compiling import Compiled
from regsearch.training.fused.eligible import check_parts
from regsearch.training.fused.member import Member
from regsearch.training.fused.passes import Eager, Passes
from regsearch.training.fused.rules import rule_of
from regsearch.training.fused.single import Single
from regsearch.training.fused.stack import Stack
from regsearch.training.fused.steps import Steps
from regsearch.training.fused.trace import trace
from regsearch.training.fused.updates import Separate, Together, Updates


class Lineup:
    """The stacks at work.

    Args:
        clipping: How gradients are clipped.
        full: How many trials stacks are compiled for; None if they are not.
    """

    def __init__(self, clipping: Clipping, full: int | None = None) -> None:
        self._clipping = clipping
        self._full = full
        self._stacks: list[tuple[_Profile, Stack]] = []
        self._ended: tuple[_Profile, Passes] | None = None

    @property
    def stacks(self) -> list[Stack]:
        """Those with trials in them."""
        return [stack for _, stack in self._stacks if stack.members]

    def drop(self, stack: object) -> None:
        """Forgets a stack with all its trials."""
        self._stacks = [(profile, other) for profile, other in self._stacks if other is not stack]

    def end(self, stack: object) -> None:
        """Forgets a stack whose trials have ended; what was compiled is kept for those to come."""
        if self._full is not None:
            self._ended = next((p, other.passes) for p, other in self._stacks if other is stack)
        self.drop(stack)

    def stack_for(self, member: Member) -> Stack:
        """Returns a stack that a trial can join, a new one if there is none.

        Raises:
            NotFusableError: If its steps cannot be run for several trials at once.
        """
        check_parts(member.module)
        shape = _shape(member)
        for profile, stack in self._stacks:
            if profile.shape == shape and profile.admits(member, stack):
                return stack
        rule = rule_of(member.optimizer)
        updates: Updates = Together(rule, self._clipping) if rule else Separate(self._clipping)
        profile, passes = self._code_for(member, shape)
        stack = Stack(passes, updates, validates_alone=profile.trace.validates_alone)
        self._stacks.append((profile, stack))
        return stack

    def _code_for(self, member: Member, shape: Hashable) -> tuple[_Profile, Passes]:
        """Returns the code for a new stack: that of the last, or new code of a module's."""
        if self._ended is not None:
            profile, passes = self._ended
            if profile.shape == shape and profile.lends(member, passes):
                return self._ended
        steps = Steps(copy.deepcopy(member.module))
        passes = Eager(steps) if self._full is None else Compiled(steps, self._full)
        return _Profile(member), passes


class Queue:
    """Trials one at a time, each by itself; a `Lineup` for what cannot be stacked.

    Args:
        clipping: How gradients are clipped.
    """

    def __init__(self, clipping: Clipping) -> None:
        self._clipping = clipping
        self.stacks: list[Single] = []

    def stack_for(self, member: Member) -> Single:
        """Returns a place for a trial alone."""
        self.stacks.append(Single(member, self._clipping))
        return self.stacks[-1]

    def drop(self, stack: object) -> None:
        """Forgets a trial."""
        self.stacks = [other for other in self.stacks if other is not stack]

    end = drop


class _Profile:
    """What a stack's trials have in common."""

    def __init__(self, member: Member) -> None:
        self.shape = _shape(member)
        self._attributes = attributes(copy.deepcopy(member.module))
        self.trace = trace(member)
        self._is_of_one_epoch = self.trace.reads_time or not member.feed.is_even
        self._guarded: set[Key] = set()

    def admits(self, member: Member, stack: Stack) -> bool:
        if self._is_of_one_epoch and any(other.epoch != member.epoch for other in stack.members):
            return False
        return self.lends(member, stack.passes)

    def lends(self, member: Member, passes: Passes) -> bool:
        """Whether a stack's code can be run for a trial; from then on what differs is guarded."""
        differences = differing(self._attributes, attributes(member.module))
        if differences & self.trace.reads:
            return False
        for key in differences - self._guarded:
            passes.guard(key)
            self._guarded.add(key)
        return True


def _shape(member: Member) -> Hashable:
    module: Any = member.module
    parts = tuple((name, type(part).__qualname__) for name, part in module.named_modules())
    named = [
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    ]
    first: dict[int, str] = {}
    tensors = tuple(
        (name, t.shape, t.dtype, t.requires_grad, first.setdefault(id(t), name))
        for name, t in named
    )
    modes = tuple(part.training for part in module.modules())
    epoch = member.batches().shape
    return parts, tensors, modes, epoch, _optimizer_shape(member)


def _optimizer_shape(member: Member) -> Hashable:
    names = {id(parameter): name for name, parameter in member.module.named_parameters()}
    groups = tuple(
        tuple(names[id(parameter)] for parameter in group["params"])
        for group in member.optimizer.param_groups
    )
    rule = rule_of(member.optimizer)
    return type(member.optimizer), rule is not None, groups
