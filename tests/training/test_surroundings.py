"""Seeds, threads, silence and ctrl-C hold inside a trial and are as before after it."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from regsearch.training.surroundings import (
    interruptible,
    quiet,
    seeded,
    share_of_threads,
    untouched_generators,
)

LOGGERS = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric")


def draw() -> tuple[float, float, float]:
    return float(torch.rand(())), float(np.random.rand()), random.random()


def state() -> list[Any]:
    return [
        torch.get_num_threads(),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
        {k: v for k, v in os.environ.items() if k.startswith("PL_")},
        [logging.getLogger(name).level for name in LOGGERS],
        list(warnings.filters),
        signal.getsignal(signal.SIGINT),
    ]


@contextmanager
def all_of_them() -> Iterator[None]:
    with share_of_threads(), quiet(), interruptible(), seeded(3):
        yield


def leave(error: type[BaseException] | None) -> None:
    draw()
    if error is not None:
        raise error


@pytest.mark.parametrize("environment", [{}, {"PL_GLOBAL_SEED": "5", "PL_SEED_WORKERS": "0"}])
@pytest.mark.parametrize("error", [None, OSError, KeyboardInterrupt])
def test_everything_is_as_it_was_afterwards(
    environment: dict[str, str],
    error: type[BaseException] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    before = state()
    try:
        with pytest.raises(error) if error else nullcontext(), all_of_them():
            leave(error)
        assert state() == before
    finally:
        torch.set_num_threads(threads)


def test_generators_may_be_used_without_a_trace() -> None:
    before = state()
    with untouched_generators():
        draw()
    assert state() == before


def test_a_seed_repeats_every_generator() -> None:
    drawn = []
    for seed in (3, 3, 4):
        with seeded(seed):
            assert os.environ["PL_GLOBAL_SEED"] == str(seed)
            assert os.environ["PL_SEED_WORKERS"] == "1"
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert all(one != other for one, other in zip(drawn[0], drawn[2], strict=True))


@pytest.mark.parametrize(("said", "threads"), [("3", 3), (None, 1), ("0", 1), ("4,2", 4)])
def test_there_are_as_many_threads_inside_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, said: str | None, threads: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    before = torch.get_num_threads()
    with share_of_threads():
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == before


def test_lightning_is_muted_and_others_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    with quiet():
        logging.getLogger("pytorch_lightning.utilities.rank_zero").info("GPU available")
        warnings.warn("The 'x_dataloader' does not have many workers", stacklevel=1)
        with pytest.warns(UserWarning, match="of the user"):
            warnings.warn("of the user", stacklevel=1)
    assert not caplog.records


@pytest.mark.parametrize("code", [1, "text"])
def test_an_exit_that_was_asked_for_stays_one(code: Any) -> None:
    with pytest.raises(SystemExit, match=str(code)), interruptible():
        raise SystemExit(code)


def exit_as_lightning_does() -> None:
    try:
        raise KeyboardInterrupt("mine")
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(1)


def test_an_exit_made_of_an_interrupt_is_an_interrupt() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="mine"), interruptible():
        exit_as_lightning_does()
    assert signal.getsignal(signal.SIGINT) == handler
