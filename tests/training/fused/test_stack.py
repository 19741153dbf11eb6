"""A stack's own laws: places are independent of each other, and trials share one where they can."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.stack import Stack
from tests.training.fused.test_steps import Dropping, Norm, Timed
from tests.training.fused.test_train import Kept, Optimized, Read, Shaped
from tests.training.fused.toys import KINDS, Net, task, trials


def stacks_of(net: Any, settings: list[Any]) -> list[Stack]:
    """Places trials, as they come, and returns the stacks."""
    enrolment, lineup = Enrolment(task(net)), Lineup(Clipping())
    for trial in trials(settings):
        member = enrolment.member(trial)
        lineup.stack_for(member).join([member])
    return lineup.stacks


def stack_of(net: Any, settings: list[Any]) -> Stack:
    (stack,) = stacks_of(net, settings)
    return stack


def state_of(stack: Stack, number: int) -> dict[str, torch.Tensor]:
    (member,) = (member for member in stack.members if member.trial.number == number)
    return member.weights()


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop", "nadam"])
def test_survivors_of_a_compaction_are_bitwise_unchanged(name: str) -> None:
    """Of two equal stacks one loses four trials: the others go on bit for bit as in the other."""
    net = type("Named", (Optimized, Norm), {"name": name})
    whole, thinned = stack_of(net, KINDS), stack_of(net, KINDS)
    for stack in (whole, thinned):
        stack.epoch()
    thinned.keep([1, 4, 5])
    for number in (1, 4, 5):
        assert_equal(state_of(thinned, number), state_of(whole, number))


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop"])
def test_what_survivors_do_after_a_compaction_is_what_they_would_have_done(name: str) -> None:
    net = type("Named", (Optimized,), {"name": name})
    whole, thinned = stack_of(net, KINDS), stack_of(net, KINDS)
    for stack in (whole, thinned):
        stack.epoch()
    thinned.keep([2, 0, 5])
    for stack in (whole, thinned):
        stack.epoch()
    for number in (0, 2, 5):
        found, expected = state_of(thinned, number), state_of(whole, number)
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, rtol=1e-12, atol=1e-12)


def test_trials_that_enter_leave_the_others_bitwise_unchanged() -> None:
    enrolment, lineup = Enrolment(task()), Lineup(Clipping())
    first, second = (enrolment.member(trial) for trial in trials(KINDS[1:3]))
    stack = lineup.stack_for(first)
    stack.join([first])
    stack.epoch()
    before = first.weights()
    stack.join([second])
    assert_equal(first.weights(), before)
    assert lineup.stack_for(second) is stack


def test_a_trials_module_is_a_view_of_its_place() -> None:
    stack = stack_of(Norm, KINDS[:3])
    stack.epoch()
    modules = [member.module for member in stack.members]
    addresses = {module.head.weight.untyped_storage().data_ptr() for module in modules}
    assert len(addresses) == 1
    assert modules[1].body[1].num_batches_tracked == 3


RATES = [{**KINDS[i], "lr": lr} for i, lr in enumerate((0.01, 0.1, 0.01, 0.1))]


@pytest.mark.parametrize(
    ("net", "settings", "stacks"),
    [
        (Net, KINDS, 1),
        (Net, RATES, 1),
        (Norm, KINDS, 1),
        (Dropping, KINDS, 1),
        (Shaped, RATES, 2),
        (Read, RATES, 2),
        (Kept, RATES, 2),
    ],
)
def test_trials_share_a_stack_unless_their_code_differs(
    net: Any, settings: list[Any], stacks: int
) -> None:
    assert len(stacks_of(net, settings)) == stacks


class Late(Net):
    """Reads its `lr` only late, and would do without."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) * (getattr(self, "lr", 1.0) if batch_idx == 2 else 1.0)


class LateHparams(Kept):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) * (self.hparams.get("lr", 1.0) if batch_idx == 2 else 1.0)

    validation_step = Net.validation_step


class LatePart(Net):
    def make_body(self) -> Any:
        body = super().make_body()
        body[0].factor = self.lr
        return body

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss(batch) * (self.body[0].factor if batch_idx == 2 else 1.0)


@pytest.mark.parametrize("net", [Late, LateHparams, LatePart])
def test_what_was_not_read_at_first_cannot_be_read_wrongly(net: Any) -> None:
    """Trials with different rates share a stack; when one is read after all, that is an error."""
    stack = stack_of(net, RATES)
    with pytest.raises(NotFusableError, match="a step reads (lr|factor) late"):
        stack.epoch()


def test_trials_that_read_the_time_are_not_mixed() -> None:
    enrolment, lineup = Enrolment(task(Timed)), Lineup(Clipping())
    early, late = (enrolment.member(trial) for trial in trials(KINDS[:2]))
    stack = lineup.stack_for(early)
    stack.join([early])
    assert lineup.stack_for(late) is stack
    stack.epoch()
    early.end_epoch()
    assert lineup.stack_for(late) is not stack
