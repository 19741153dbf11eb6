"""Whether a task's trials can be fused, found out by trying: a step of two trials beside one alone.

What a list of rules forgets shows here: code that runs under `vmap` and gives something else there.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from regsearch.cautions import PenaltyWarning
from regsearch.training.fused.agreement import agree
from regsearch.training.fused.eligible import check_trainer, clipping_of
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.member import Member
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.refusal import NotFusableError, as_refusals
from regsearch.training.fused.steps import Steps
from regsearch.training.surroundings import quiet, share_of_threads, untouched_generators
from regsearch.training.task import Task
from regsearch.trials import Trial


def why_not_fusable(task: Task, params: Mapping[str, Any]) -> str | None:
    """Returns why trials of a task cannot be fused; None if they can.

    Args:
        task: What is trained.
        params: A trial's.

    Raises:
        Exception: What the task's own code raises, whatever trains it.
    """
    try:
        check_trainer(task)
        with share_of_threads(), quiet(PenaltyWarning):
            member = Enrolment(task).member(Trial(0, params, seed=0))
            Lineup(clipping_of(task)).stack_for(member)
            check_agreement(member)
    except NotFusableError as error:
        return error.reason
    return None


def check_agreement(member: Member) -> None:
    """Raises NotFusableError unless two trials at once take the step that one alone takes."""
    module = member.module
    batch = member.batches().train[0]
    alone = {
        name: tensor.detach().clone()
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    }
    trained = [name for name, p in module.named_parameters() if p.requires_grad]
    twice = {name: torch.stack([tensor, tensor]) for name, tensor in alone.items()}
    with untouched_generators(), as_refusals():
        expected = _gradients(Steps(copy.deepcopy(module), None), alone, trained, batch)
        found = _gradients(Steps(copy.deepcopy(module), "same"), twice, trained, batch)
    for one, both in zip(expected, found, strict=True):
        if not all(agree(one, row) for row in both):
            raise NotFusableError("its step gives something else for several trials than for one")


def _gradients(
    steps: Steps, tensors: dict[str, Tensor], trained: list[str], batch: Any
) -> list[Tensor]:
    """Returns the loss and its gradients; nothing if there is no loss."""
    torch.manual_seed(0)
    leaves = [tensors[name].requires_grad_() for name in trained]
    loss = steps.train(tensors, batch, 0, is_stacked=False).loss
    if loss is None:
        return []
    grads = torch.autograd.grad(loss.sum(), leaves, allow_unused=True)
    return [loss.detach(), *(grad for grad in grads if grad is not None)]
