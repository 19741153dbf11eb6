"""How much faster a training step is in one way than in another, timed side by side.

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
_USUAL = 3  # steps of the usual way for each of the other
_MARGIN = 1.3  # farther from the limit than this, one round is enough


def gain_of(usual: Sequence[Stack | Single], others: Sequence[Stack], limit: float) -> float:
    """Returns how many times as fast a trial's step is in other stacks as in the usual way.

    Both take turns and the least seconds of each count, since whatever disturbs them only adds.

    Args:
        usual: One trial alone, or a stack.
        others: Stacks.
        limit: Which gain matters: the closer to it, the more rounds are timed.
    """
    one = all_ = math.inf
    gain = 0.0
    for round_ in range(ROUNDS):
        mine = seconds_of(usual)
        theirs = _seconds(others)
        if not round_:
            continue
        one, all_ = min(one, mine), min(all_, theirs)
        gain = _count(others) * one / _count(usual) / all_
        if not limit / _MARGIN < gain < limit * _MARGIN:
            break
    return gain


def seconds_of(groups: Sequence[Stack | Single]) -> float:
    """Returns how long a step of all trials takes."""
    return min(_seconds(groups) for _ in range(_USUAL))


def _count(groups: Sequence[Stack | Single]) -> int:
    return sum(len(group.members) for group in groups)


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
