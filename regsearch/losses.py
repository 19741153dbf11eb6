"""What an epoch cost: the mean data loss and the mean penalty, weighted by samples.

The sums stay on the device of the loss; reading the means at the end of an epoch is the only time
that anything waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

_SINGLE, _DOUBLE = torch.float32, torch.float64
_AT_ONCE = 1000


class LossMeans:
    """Running means of data loss and penalty over the batches of an epoch."""

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, Tensor | float, int]] = []
        self._sums: Tensor | None = None

    def add(self, data: Tensor, penalty: Tensor | float, samples: int) -> None:
        """Adds a batch.

        Args:
            data: The batch's mean data loss, one number of any floating type, without gradient.
            penalty: The penalty of the weights that the batch met, a number or a scalar.
            samples: The batch's size.
        """
        self._batches.append((data, penalty, samples))
        if len(self._batches) >= _AT_ONCE:
            self._add_up()

    def means(self, reduce: Callable[[Tensor], Tensor] = lambda sums: sums) -> dict[str, float]:
        """Returns `loss/data`, `loss/penalty` and `loss/total`; {} before the first batch.

        Args:
            reduce: Sums a tensor over all processes that train together.
        """
        self._add_up()
        if self._sums is None:
            return {}
        data, penalty, samples = reduce(self._sums).tolist()
        return {
            "loss/data": data / samples,
            "loss/penalty": penalty / samples,
            "loss/total": (data + penalty) / samples,
        }

    def _add_up(self) -> None:
        """Sums the batches that wait: a step of training costs no arithmetic of its own here."""
        if not self._batches:
            return
        data, penalty, samples = zip(*self._batches, strict=True)
        self._batches = []
        # A long sum drifts in single precision and stops growing in half; MPS has no double.
        wide = _SINGLE if data[0].device.type == "mps" else _DOUBLE
        weights = torch.tensor(samples, dtype=wide, device=data[0].device)
        rows = [_column(data, weights), _column(penalty, weights), torch.ones_like(weights)]
        sums = torch.stack(rows) @ weights
        self._sums = sums if self._sums is None else self._sums + sums


def _column(numbers: tuple[Tensor | float, ...], weights: Tensor) -> Tensor:
    if weights.device.type == "cpu":  # nothing to wait for: reading them is cheaper
        return torch.tensor([float(number) for number in numbers], dtype=weights.dtype)
    there = [torch.as_tensor(number, device=weights.device) for number in numbers]
    return torch.stack([number.reshape(()) for number in there]).to(weights)


def together(every: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Returns the means of several penalties on one data loss as those of their sum.

    Args:
        every: What `LossMeans.means` gave for each penalty; empty ones are passed over.
    """
    filled = [means for means in every if means]
    if not filled:
        return {}
    data = filled[0]["loss/data"]
    penalty = sum(means["loss/penalty"] for means in filled)
    return {"loss/data": data, "loss/penalty": penalty, "loss/total": data + penalty}


def batch_size(batch: Any) -> int:
    """Returns the length of the first tensor in a batch that has one; 1 if there is none.

    Args:
        batch: A tensor, or mappings and sequences that hold tensors, however deep.
    """
    return next((tensor.shape[0] for tensor in _tensors(batch) if tensor.ndim), 1)


def _tensors(batch: Any) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from _tensors(value)
    elif isinstance(batch, tuple | list):
        for value in batch:
            yield from _tensors(value)
