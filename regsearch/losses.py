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


class LossMeans:
    """Running means of data loss and penalty over the batches of an epoch."""

    def __init__(self) -> None:
        self.samples = 0
        self._sums: Tensor | None = None

    def add(self, data: Tensor, penalty: Tensor, samples: int) -> None:
        """Adds a batch.

        Args:
            data: The batch's mean data loss, one number of any floating type.
            penalty: The penalty of the weights that the batch met, a scalar.
            samples: The batch's size.
        """
        # A long sum drifts in single precision and stops growing in half; MPS has no double.
        wide = data.detach().reshape(()).to(_SINGLE if data.device.type == "mps" else _DOUBLE)
        both = torch.stack([wide, penalty.to(wide)]) * samples
        self._sums = both if self._sums is None else self._sums + both
        self.samples += samples

    def means(self, reduce: Callable[[Tensor], Tensor] = lambda sums: sums) -> dict[str, float]:
        """Returns `loss/data`, `loss/penalty` and `loss/total`; {} before the first batch.

        Args:
            reduce: Sums a tensor over all processes that train together.
        """
        if self._sums is None:
            return {}
        data, penalty, samples = reduce(
            torch.cat([self._sums, self._sums.new_tensor([float(self.samples)])])
        ).tolist()
        return {
            "loss/data": data / samples,
            "loss/penalty": penalty / samples,
            "loss/total": (data + penalty) / samples,
        }


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
