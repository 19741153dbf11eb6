"""How many trials there is room for: by what one takes, counted and not measured.

A trial's size follows from its tensors alone, so that the same task gets the same width on a busy
machine as on an idle one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor

from regsearch.training.fused.member import Member
from regsearch.training.fused.rules import rule_of
from regsearch.training.fused.steps import Steps
from regsearch.training.surroundings import untouched_generators

WIDTH = 32  # trials of a stack at most: on one CPU core wider ones gain little
CPU_ROOM = 2 << 30  # bytes of a stack
GPU_SHARE = 4  # a stack has one of so many parts of a GPU's memory
_STATES = 2  # of a weight, where an optimizer's own are not known


def fitting(member: Member) -> int:
    """Returns how many trials like this one are trained at once if nobody says, itself one."""
    try:
        return max(1, widest(member, WIDTH))
    except Exception:  # in its first step: it will tell as any trial that fails
        return WIDTH


def widest(member: Member, most: int) -> int:
    """Returns how many trials like this one, up to `most`, a stack has room for."""
    device = next(member.module.parameters()).device
    return min(most, _room(device) // size_of(member))


def size_of(member: Member) -> int:
    """Returns the bytes that a trial takes of a stack.

    They are its weights, gradients and optimizer's states, and what a training step keeps of its
    first batch for the backward pass.
    """
    rule = rule_of(member.optimizer)
    states = _STATES if rule is None else len(rule.states)
    trained = [p for p in member.module.parameters() if p.requires_grad]
    still = [p for p in member.module.parameters() if not p.requires_grad]
    return (
        (2 + states) * _bytes(trained)
        + _bytes([*still, *member.module.buffers()])
        + _kept_for_backward(member)
    )


def _kept_for_backward(member: Member) -> int:
    module, batch = copy.deepcopy(member.module), member.batches().train[0]
    tensors = dict([*module.named_parameters(), *module.named_buffers()])
    known = {_place(tensor) for tensor in tensors.values()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _place(tensor) not in known:
            kept[_place(tensor)] = tensor
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with untouched_generators(), hooks:
        Steps(module, None).train(tensors, batch, 0, is_stacked=False)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _room(device: torch.device) -> int:
    if device.type != "cuda":
        return CPU_ROOM
    return int(torch.cuda.get_device_properties(device).total_memory) // GPU_SHARE


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
