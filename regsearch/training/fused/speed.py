"""How much faster a training step is in a stack, timed beside one trial alone.

In CPU seconds, since others on the machine interrupt a stack's long step more often than a short
one; on a GPU, whose work is not in them, by the clock on the wall.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch

from regsearch.training.fused.single import Single
from regsearch.training.fused.stack import Stack

ROUNDS = 6  # at most, the first to warm up
_ALONE = 3  # steps of the one for each of the other
_MARGIN = 1.3  # farther from the limit than this, one round is enough


def gain_of(alone: Single, stacks: Sequence[Stack], limit: float) -> float:
    """Returns how many times as fast a trial's step is, shared with the others in its stack.

    Both take turns and the least seconds of each count, since whatever disturbs them only adds.

    Args:
        alone: One trial.
        stacks: Many.
        limit: Which gain matters: the closer to it, the more rounds are timed.
    """
    trials = sum(len(stack.members) for stack in stacks)
    one = all_ = math.inf
    gain = 0.0
    for round_ in range(ROUNDS):
        mine = min(_seconds([alone]) for _ in range(_ALONE))
        theirs = _seconds(stacks)
        if not round_:
            continue
        one, all_ = min(one, mine), min(all_, theirs)
        gain = trials * one / all_
        if not limit / _MARGIN < gain < limit * _MARGIN:
            break
    return gain


def _seconds(groups: Sequence[Stack | Single]) -> float:
    is_on_gpu = any(p.is_cuda for p in groups[0].members[0].module.parameters())
    start = _now(is_on_gpu)
    for group in groups:
        group.rehearse()
    return _now(is_on_gpu) - start


def _now(is_on_gpu: bool) -> float:
    if not is_on_gpu:
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()
