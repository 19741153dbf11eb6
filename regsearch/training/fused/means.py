"""What an epoch cost each trial of a stack: mean data loss and penalty, weighted by samples."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class StackMeans:
    """Sums over the batches of an epoch; the losses stay on their device until its end."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._penalties: list[NDArray[np.float64]] = []
        self._samples: list[int] = []

    def add(self, losses: Tensor, penalties: NDArray[np.float64], samples: int) -> None:
        """Adds a batch.

        Args:
            losses: The trials' mean data losses, shape (K,).
            penalties: The penalties of the weights that the batch met, shape (K,).
            samples: The batch's size.
        """
        self._losses.append(losses)
        self._penalties.append(penalties)
        self._samples.append(samples)

    def losses(self) -> list[dict[str, float]]:
        """Returns `loss/data`, `loss/penalty` and `loss/total` a trial; [] without a batch."""
        if not self._losses:
            return []
        shares = np.array(self._samples) / sum(self._samples)
        data = shares @ torch.stack(self._losses).cpu().double().numpy()
        penalty = shares @ np.stack(self._penalties)
        return [
            {"loss/data": float(d), "loss/penalty": float(p), "loss/total": float(d + p)}
            for d, p in zip(data, penalty, strict=True)
        ]
