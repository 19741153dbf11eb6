"""The penalties of a stack's trials: numbers if a penalty is elementwise, itself otherwise.

L1, L2, elastic net, weight decay and none differ by three numbers, which an optimizer's rule takes
in its stride. A group penalty, or one that somebody else wrote, works on its own trial's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regsearch import loops
from regsearch.compiled import compiled
from regsearch.multi_tensor import add_gradient_, prox_, total_value
from regsearch.one_pass import OnePass, Parts, parts_of
from regsearch.penalties import Penalty, WeightDecay
from regsearch.stepsizes import Step
from regsearch.training.fused.arrays import as_rows

Array = NDArray[np.float64]


class _Single(NamedTuple):
    """A trial whose penalty is not elementwise."""

    row: int
    penalty: Penalty
    parts: Parts | None


class StackPenalties:
    """The penalties of K trials on the parameters that were selected.

    Args:
        penalties: One a trial.
        weights: The selected parameters by name, of shape (K, ...) each, without graph.
    """

    def __init__(self, penalties: Sequence[Penalty], weights: Mapping[str, Tensor]) -> None:
        parts = [parts_of(penalty) for penalty in penalties]
        plain = [p if p is not None and not p.group else Parts(0.0, 0.0) for p in parts]
        self._weights = weights
        self._l1 = np.array([p.l1 for p in plain])
        self._l2 = np.array([p.l2 for p in plain])
        self._rate = np.array([_rate(penalty) for penalty in penalties])
        self._singles = [
            _Single(row, penalty, p)
            for row, (penalty, p) in enumerate(zip(penalties, parts, strict=True))
            if p is None or p.group
        ]
        self._places = {
            name: {single.row: stack[single.row] for single in self._singles}
            for name, stack in weights.items()
        }
        self._one_pass = OnePass()

    def __contains__(self, name: str) -> bool:
        """Whether a parameter was selected."""
        return name in self._weights

    def numbers(self, *, selected: bool) -> dict[str, Array]:
        """Returns `l1`, `l2` and `rate` of each trial on a parameter, of shape (K,) each."""
        share = 1.0 if selected else 0.0
        return {"l1": share * self._l1, "l2": share * self._l2, "rate": share * self._rate}

    @property
    def has_own_gradients(self) -> bool:
        """Whether some penalty's smooth part is nothing that `numbers` could say."""
        return any(single.parts is None for single in self._singles)

    def add_gradients_(self, name: str, grad: Tensor, *, whole: bool) -> None:
        """Adds smooth parts to a parameter's gradient.

        Args:
            name: The parameter's.
            grad: Shape (K, ...).
            whole: Whether those that `numbers` tells of are added as well.
        """
        if name not in self._weights:
            return
        for row, penalty, parts in self._singles:
            if parts is None:
                add_gradient_(penalty, [self._places[name][row]], [grad[row]])
        if whole and self._l2.any():
            pull = torch.from_numpy(2 * self._l2).to(grad)
            grad.addcmul_(self._weights[name], pull.view(-1, *(1,) * (grad.ndim - 1)))

    def singles(self, name: str) -> list[int]:
        """Returns the trials that need `prox_` on a parameter."""
        return [single.row for single in self._singles] if name in self._weights else []

    def prox_(self, name: str, steps: Mapping[int, float | Step]) -> None:
        """Applies the prox of what is not elementwise, with one step a trial."""
        for row, penalty, parts in self._singles:
            w, step = self._places[name][row], steps[row]
            if parts is None or not self._one_pass.prox_(parts, w, step):
                prox_(penalty, [w], [step])

    def values(self) -> Array:
        """Returns each trial's whole penalty, of shape (K,)."""
        values = self._sums()
        for row, penalty, parts in self._singles:
            mine = [places[row] for places in self._places.values()]
            known = None if parts is None else self._one_pass.value(parts, mine)
            values[row] = float(total_value(penalty, mine)) if known is None else known
        return values

    def _sums(self) -> Array:
        absolute, square = np.zeros_like(self._l1), np.zeros_like(self._l1)
        if not (self._l1.any() or self._l2.any()):
            return absolute
        for stack in self._weights.values():
            rows = as_rows(stack)
            if rows is not None:
                compiled(loops.row_sums)(rows, absolute, square, rows.dtype.type(1))
            else:
                flat = stack.flatten(1)
                absolute += flat.abs().sum(1, dtype=torch.float64).cpu().numpy()
                square += flat.square().sum(1, dtype=torch.float64).cpu().numpy()
        sums: Array = self._l1 * absolute + self._l2 * square
        return sums


def _rate(penalty: Penalty) -> float:
    return float(penalty.rate) if isinstance(penalty, WeightDecay) else 0.0
