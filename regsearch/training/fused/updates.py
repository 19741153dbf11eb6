"""How a stack's weights move once it has gradients: all trials at once, or each by its optimizer.

Both end where the trial alone would end: weight decay, the penalty's smooth part, clipping, the
optimizer's step, the penalty's prox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regsearch.applied import Applied
from regsearch.compiled import compiled
from regsearch.stepsizes import Step, step_from
from regsearch.training.fused.arrays import as_rows
from regsearch.training.fused.clipping import Clipping
from regsearch.training.fused.member import Member
from regsearch.training.fused.penalties import StackPenalties
from regsearch.training.fused.rules import Rule, numbers_of
from regsearch.training.fused.tensors import Grads

COPY_BYTES = 4 << 20  # of a gradient at a time
Array = NDArray[np.float64]


class Updates(Protocol):
    """Moves the weights of a stack."""

    def bind(self, members: Sequence[Member], weights: Mapping[str, Tensor]) -> None:
        """Takes notice of the stack's trials, whose places are views of the weights."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Forgets all trials but those; `bind` follows."""
        ...

    def refresh(self) -> None:
        """Reads the optimizers' numbers again, since a scheduler has changed some."""
        ...

    def step(self, grads: Grads) -> None:
        """Takes a step; parameters without a gradient stay."""
        ...

    def penalties(self) -> Array:
        """Returns each trial's penalty, shape (K,)."""
        ...


class Separate:
    """Each trial steps its own optimizer on its place: any optimizer, any penalty."""

    def __init__(self, clipping: Clipping) -> None:
        self._clipping = clipping

    def bind(self, members: Sequence[Member], weights: Mapping[str, Tensor]) -> None:
        self._members = list(members)
        self._applied = [
            Applied(member.module, [member.regularizer], [member.optimizer]) for member in members
        ]
        self._parameters = [dict(member.module.named_parameters()) for member in members]

    def keep(self, rows: Sequence[int]) -> None:
        pass  # the state is the optimizers' own

    def refresh(self) -> None:
        pass

    def step(self, grads: Grads) -> None:
        for row, member in enumerate(self._members):
            for name, parameter in self._parameters[row].items():
                grad = grads.get(name)
                parameter.grad = None if grad is None else grad[row]
            applied = self._applied[row]
            applied.before_step(member.optimizer)
            self._clipping.clip_one_(member.optimizer)
            member.optimizer.step()
            applied.after_step(member.optimizer)

    def penalties(self) -> Array:
        return np.array([float(applied.value()) for applied in self._applied])


class Together:
    """One pass over the stack for all its trials, with numbers of each trial's own.

    Args:
        rule: The optimizer's arithmetic.
        clipping: How gradients are clipped.
    """

    def __init__(self, rule: Rule, clipping: Clipping) -> None:
        self._rule = rule
        self._clipping = clipping
        self._states: dict[str, list[Tensor]] = {}
        self._steps: dict[str, Array] = {}

    def bind(self, members: Sequence[Member], weights: Mapping[str, Tensor]) -> None:
        self._members, self._weights = list(members), weights
        self._groups = _groups_by_name(members[0])
        for name in self._groups:
            self._grow(name, weights[name])
        selected = members[0].regularizer.parameters(members[0].module)
        chosen = {name: weights[name] for name in selected}
        self._penalties = StackPenalties([m.regularizer.penalty for m in members], chosen)
        self._arrays = {name: self._as_arrays(name) for name in self._groups}
        self._places = {
            name: {row: [state[row] for state in self._states[name]] for row in singles}
            for name in self._groups
            if (singles := self._penalties.singles(name))
        }
        self.refresh()

    def keep(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, dtype=torch.long)
        for name, states in self._states.items():
            self._states[name] = [state[index.to(state.device)] for state in states]
            self._steps[name] = self._steps[name][index.numpy()]

    def refresh(self) -> None:
        by_group = [
            _columns([numbers_of(self._rule, group) for group in groups])
            for groups in zip(*(m.optimizer.param_groups for m in self._members), strict=True)
        ]
        shared = {
            (group, selected): numbers | self._penalties.numbers(selected=selected)
            for group, numbers in enumerate(by_group)
            for selected in (False, True)
        }
        if self._clipping:  # what is clipped has the penalty's gradient in it already
            for numbers in shared.values():
                numbers["l2"] = np.zeros(len(self._members))
        self._numbers = {
            name: shared[group, name in self._penalties] for name, group in self._groups.items()
        }

    @torch.no_grad()
    def step(self, grads: Grads) -> None:
        mine = {name: grad for name in self._groups if (grad := grads.get(name)) is not None}
        if self._clipping or self._penalties.has_own_gradients:
            mine = {name: grad.clone() for name, grad in mine.items()}
            for name, grad in mine.items():
                self._penalties.add_gradients_(name, grad, whole=bool(self._clipping))
            self._clipping.clip_(list(mine.values()))
        known: dict[tuple[int, bytes], Array] = {}
        for name, grad in mine.items():
            self._steps[name] += 1
            alike = id(self._numbers[name]), self._steps[name].tobytes()
            if alike not in known:
                known[alike] = self._rule.coefficients(self._numbers[name], self._steps[name])
            self._move(name, grad, known[alike])
            if singles := self._penalties.singles(name):
                self._penalties.prox_(name, {row: self._step_of(name, row) for row in singles})

    def penalties(self) -> Array:
        return self._penalties.values()

    def _move(self, name: str, grad: Tensor, coefficients: Array) -> None:
        arrays = self._arrays[name]
        if arrays is not None:
            coefficients = coefficients.astype(arrays[0].dtype)
            for some in _parts(grad):
                rows = grad[some].flatten(1).numpy()
                own = [array[some] for array in arrays]
                compiled(self._rule.loop)(own[0], rows, *own[1:], coefficients[some])
            return
        shape = (-1, *(1,) * (grad.ndim - 1))
        columns = [torch.from_numpy(c).to(grad).view(shape) for c in coefficients.T.copy()]
        self._rule.eager(self._weights[name], grad, self._states[name], columns)

    def _as_arrays(self, name: str) -> list[Any] | None:
        rows = [as_rows(tensor) for tensor in (self._weights[name], *self._states[name])]
        return None if any(row is None for row in rows) else rows

    def _grow(self, name: str, weights: Tensor) -> None:
        """Gives trials that are new, the last ones, a state of zeros."""
        known = self._states.get(name) or [weights[:0] for _ in self._rule.states]
        new = torch.zeros_like(weights[len(known[0]) :])
        self._states[name] = [torch.cat([state, new]) for state in known]
        steps = self._steps.get(name, np.zeros(0))
        self._steps[name] = np.concatenate([steps, np.zeros(len(new))])

    def _step_of(self, name: str, row: int) -> float | Step:
        optimizer = self._members[row].optimizer
        states = zip(self._rule.states, self._places[name][row], strict=True)
        state = {"step": self._steps[name][row], **dict(states)}
        return step_from(type(optimizer), optimizer.param_groups[self._groups[name]], state)


def _parts(grad: Tensor) -> Iterator[slice]:
    """Yields a stack in parts: a gradient may come transposed, and is copied to be walked along."""
    size = max(1, COPY_BYTES * len(grad) // max(1, grad.nbytes))
    return (slice(start, start + size) for start in range(0, len(grad), size))


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, Array]:
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def _groups_by_name(member: Member) -> dict[str, int]:
    """Returns the parameter group of each parameter that a trial's optimizer has."""
    names = {id(parameter): name for name, parameter in member.module.named_parameters()}
    return {
        names[id(parameter)]: index
        for index, group in enumerate(member.optimizer.param_groups)
        for parameter in group["params"]
        if parameter.requires_grad
    }
