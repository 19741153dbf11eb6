"""What a stack's parts take: its memory, its optimizer passes, and what compiling might save.

The digits network and a larger one, 32 trials at once unless said otherwise. Run by hand:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.fused_parts
"""

from __future__ import annotations

import copy
import functools
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import torch

from regsearch import Trial
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.enrolment import Enrolment
from regsearch.training.fused.passes import Eager
from regsearch.training.fused.placement import Lineup
from regsearch.training.fused.single import Single
from regsearch.training.fused.sizes import size_of
from regsearch.training.fused.stack import Stack
from regsearch.training.fused.steps import Steps
from regsearch.training.fused.updates import Separate
from studies.digits import Digits
from tests.benchmarks.fused import KINDS, Convolving, Large, task
from tests.benchmarks.interleaved import medians, run_parts

WIDTH, STEPS, ROUNDS, EPOCHS = 32, 2, 5, 15
OFF = Clipping(0.0, "norm")


def trial(number: int) -> Trial:
    params = {"penalty": KINDS[number % 4], "lam": 1e-4, "l1_ratio": 0.5}
    return Trial(number, params, seed=0)


def stack_of(net: Callable[[], Any], width: int = WIDTH, full: int | None = None) -> Stack:
    """Trials in a stack as `train_fused` makes it, compiled if it is `full`."""
    enrolment = Enrolment(task(net))
    members = [enrolment.member(trial(number)) for number in range(width)]
    stack = Lineup(OFF, full).stack_for(members[0])
    stack.join(members)
    return stack


def on_views(net: Callable[[], Any], width: int = WIDTH) -> Stack:
    """The same, each trial with torch's own optimizer on its place."""
    enrolment = Enrolment(task(net))
    members = [enrolment.member(trial(number)) for number in range(width)]
    stack = Stack(Eager(Steps(copy.deepcopy(members[0].module))), Separate(OFF))
    stack.join(members)
    return stack


def rungs() -> None:
    """A training step of one trial: alone, in a stack, in one with per-trial optimizers."""
    for name, net in {"digits": Digits, "1.1 million weights": Large}.items():
        alone = Single(Enrolment(task(net)).member(trial(1)), OFF)
        groups = {
            "alone, without a Trainer": (alone, 1),
            "stack": (stack_of(net), WIDTH),
            "stack, an optimizer a trial": (on_views(net), WIDTH),
        }
        ways = {way: functools.partial(steps, group) for way, (group, _) in groups.items()}
        found = medians(ways, ROUNDS, time.process_time)
        print(f"\n{name}, CPU microseconds a trial's step")
        for way, (_, width) in groups.items():
            print(f"  {way}: {found[way] / STEPS / width * 1e6:.0f}")


def steps(group: Stack | Single) -> None:
    for _ in range(STEPS):
        group.rehearse()


def memory() -> None:
    """The peak of a process that trains a stack, less that of one that trains two trials."""
    context = multiprocessing.get_context("spawn")
    for name, net in {"digits": Digits, "1.1 million weights": Large}.items():
        with context.Pool(1, maxtasksperchild=1) as pool:
            few, many = (pool.apply(peak, (net, width)) for width in (2, WIDTH + 2))
            counted, weights = pool.apply(sizes, (net,))
        taken = (many - few) / WIDTH
        print(
            f"\n{name}: {taken / 1e6:.2f} MB a trial of {WIDTH}; {taken / counted:.2f} of its "
            f"bound (weights, gradient, optimizer state, activations), {taken / weights:.1f} "
            "times its weights"
        )


def peak(net: Callable[[], Any], width: int) -> int:
    """Returns the most bytes that this process has held, once it has trained a stack."""
    torch.set_num_threads(1)
    steps(stack_of(net, width))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def sizes(net: Callable[[], Any]) -> tuple[int, int]:
    member = Enrolment(task(net)).member(trial(1))
    return size_of(member), sum(p.nbytes for p in member.module.parameters())


def compiling() -> None:
    """An epoch of a stack, training and validation, eager and compiled."""
    for name, net in {"digits": Digits, "convolution": Convolving}.items():
        usual, compiled = stack_of(net), stack_of(net, full=WIDTH)
        start = time.perf_counter()
        epoch(compiled)
        print(f"\n{name}: compiled within {time.perf_counter() - start:.0f} s")
        ways = {
            "eager": functools.partial(epoch, usual),
            "compiled": functools.partial(epoch, compiled),
        }
        found = medians(ways, EPOCHS, time.process_time)
        for way, seconds in found.items():
            print(f"  {way}: {seconds / WIDTH * 1e3:.2f} CPU milliseconds a trial's epoch")
        print(
            f"  {found['eager'] / found['compiled']:.2f} times as fast", *compiled.passes.refusals
        )


def epoch(stack: Stack) -> None:
    stack.epoch()
    for member in stack.members:
        member.end_epoch()


PARTS = {"rungs": rungs, "memory": memory, "compiling": compiling}


if __name__ == "__main__":
    run_parts(PARTS)
