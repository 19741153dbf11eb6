"""Random generators: what is drawn after restoring is what was drawn after taking the state."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from regsearch.training.generators import generator_states, restore_generators
from tests.nets import data


def drawn(loaders: list[Any]) -> list[Any]:
    orders = [[batch[0].sum().item() for batch in loader] for loader in loaders]
    return [torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random(), orders]


def with_generators() -> list[Any]:
    """Loaders that hold generators in all three places."""
    first, second, third = (torch.Generator().manual_seed(seed) for seed in (1, 2, 3))
    sampler = RandomSampler(data(), generator=second)
    batches = BatchSampler(RandomSampler(data(), generator=third), 4, drop_last=False)
    return [
        DataLoader(data(), 4, shuffle=True, generator=first),
        DataLoader(data(), 4, sampler=sampler),
        DataLoader(data(), batch_sampler=batches),
    ]


def test_all_generators_go_on_from_where_they_stood(tmp_path: Path) -> None:
    loaders = with_generators()
    np.random.normal()  # leaves a second number for the next call
    states = generator_states({"some": loaders[:2], "other": loaders[2]})
    torch.save(states, tmp_path / "states.pt")
    first = drawn(loaders)
    restored = with_generators()
    found = torch.load(tmp_path / "states.pt", weights_only=True)
    restore_generators(found, {"some": restored[:2], "other": restored[2]})
    assert drawn(restored) == first
    restore_generators(found, {"some": restored[:2], "other": restored[2]})
    assert drawn(restored) == first


def test_loaders_that_are_none_have_no_generators() -> None:
    class Batches:
        def __iter__(self) -> Any:
            return iter([1, 2])

    assert generator_states([Batches(), DataLoader(data())])["loaders"] == []
