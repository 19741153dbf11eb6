"""The state of the random generators: taken when a trial is saved, put back when it goes on.

With it a resumed trial draws the numbers that it would have drawn undisturbed: dropout, the order
of batches, augmentation. The state is plain numbers and tensors, so that `torch.load` reads it with
`weights_only=True`. Generators inside persistent data-loader workers are out of reach.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader


def generator_states(loaders: Any) -> dict[str, Any]:
    """Returns the states of torch's, NumPy's, Python's and the loaders' own generators.

    Args:
        loaders: A DataLoader, or mappings and iterables that hold some, however deep.
    """
    is_initialized = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch's own
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if is_initialized else [],
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest),
        "python": random.getstate(),
        "loaders": [generator.get_state() for generator in _generators(loaders)],
    }


def restore_generators(states: Mapping[str, Any], loaders: Any) -> None:
    """Puts back what `generator_states` returned, on loaders made in the same way."""
    torch.set_rng_state(states["torch"])
    for device, state in zip(range(torch.cuda.device_count()), states["cuda"], strict=False):
        torch.cuda.set_rng_state(state, device)
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    random.setstate(states["python"])
    for generator, state in zip(_generators(loaders), states["loaders"], strict=True):
        generator.set_state(state)


def _generators(loaders: Any) -> list[torch.Generator]:
    """Returns the generators that loaders and their samplers were given, each once."""
    found: dict[int, torch.Generator] = {}
    for loader in _flat(loaders):
        inner = getattr(loader.batch_sampler, "sampler", None)
        for holder in (loader, loader.sampler, loader.batch_sampler, inner):
            generator = getattr(holder, "generator", None)
            if isinstance(generator, torch.Generator):
                found[id(generator)] = generator
    return list(found.values())


def _flat(loaders: Any) -> Iterator[DataLoader[Any]]:
    if isinstance(loaders, DataLoader):
        yield loaders
    elif isinstance(loaders, Mapping | list | tuple):
        values: Iterable[Any] = loaders.values() if isinstance(loaders, Mapping) else loaders
        for value in values:
            yield from _flat(value)
