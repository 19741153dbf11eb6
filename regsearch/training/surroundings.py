"""What surrounds a trial: its seed, its CPU threads, silence, ctrl-C; all put back afterwards."""

from __future__ import annotations

import logging
import os
import random
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from pytorch_lightning import seed_everything

_LOGGERS = (
    "pytorch_lightning",
    "lightning.pytorch",
    "lightning.fabric",
    "lightning_fabric",
    "pytorch_lightning.utilities.rank_zero",
    "lightning.pytorch.utilities.rank_zero",
)
_SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")
_ADVICE = (
    ".*does not have many workers.*",
    ".*smaller than the logging interval.*",
    ".*GPU available but not used.*",
    ".*isinstance.treespec, LeafSpec.*",
)


@contextmanager
def share_of_threads() -> Iterator[None]:
    """Lets torch use as many CPU threads as OMP_NUM_THREADS says, which engines with workers set.

    Where nobody says, it is one: trials share the machine, and more threads slow all of them.
    """
    before = torch.get_num_threads()
    share = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    torch.set_num_threads(max(1, int(share)) if share.isdecimal() else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def untouched_generators() -> Iterator[None]:
    """Puts the generators of torch, NumPy and Python back, whatever is drawn inside."""
    python, numpy = random.getstate(), np.random.get_state()
    is_initialized = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch's own
    devices = range(torch.cuda.device_count()) if is_initialized else []
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch, NumPy, Python and data loaders' workers, and restores what was before."""
    environment = {name: os.environ.get(name) for name in _SEEDS}
    with untouched_generators():
        try:
            seed_everything(seed, workers=True, verbose=False)
            yield
        finally:
            for name, value in environment.items():
                os.environ.pop(name, None)
                os.environ.update({name: value} if value is not None else {})


@contextmanager
def interruptible() -> Iterator[None]:
    """Lets a KeyboardInterrupt out of a fit as what it is.

    Lightning turns it into SystemExit and has the process ignore every further one.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise error.__context__ from None


@contextmanager
def quiet(*told: type[Warning]) -> Iterator[None]:
    """Mutes Lightning's information and its advice on data loaders.

    Args:
        told: Warnings to mute as well, since they have been given; those of others stay.
    """
    levels: dict[logging.Logger, int] = {}
    try:
        for logger in map(logging.getLogger, _LOGGERS):
            # A level that changes costs a tenth of a millisecond: all loggers forget what they
            # know of theirs. Some of these take theirs from one that stands before them.
            if logger.getEffectiveLevel() < logging.ERROR:
                levels[logger] = logger.level
                logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for message in _ADVICE:
                warnings.filterwarnings("ignore", message)
            for category in told:
                warnings.simplefilter("ignore", category)
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
