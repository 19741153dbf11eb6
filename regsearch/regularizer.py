"""A regularizer: a penalty, the parameters of a module it falls on, and how it is applied.

`Regularizer(L1(1e-3), named("enc.*"))` penalises the encoder's weights. By default the smooth part
enters the gradient and the kinked part is a proximal step after the optimizer's step, which gives
exact zeros (forward-backward splitting, Combettes and Wajs 2005); `method="subgradient"` puts
everything into the gradient, the textbook way, which gives none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from regsearch.multi_tensor import added_up, total_value
from regsearch.penalties import Penalty
from regsearch.selection import Selector, weights
from regsearch.shards import is_sharded, refuse_flattened, whole
from regsearch.table import parameter_table, parameters_by_name

Method = Literal["proximal", "subgradient"]


@dataclass(frozen=True)
class Regularizer:
    """A penalty applied to the selected parameters of a module.

    Args:
        penalty: What is added to the loss.
        select: Which parameters it falls on; frozen ones are left alone in any case.
        method: "proximal" (exact zeros) or "subgradient" (any optimizer, no zeros).

    Raises:
        ValueError: If `method` is unknown.
        TypeError: If `penalty` is no penalty or `select` is not callable.
    """

    penalty: Penalty
    select: Selector = weights
    method: Method = "proximal"

    def __post_init__(self) -> None:
        _check_penalty(self.penalty)
        if not callable(self.select):
            raise TypeError(
                f"select must be a selector such as weights or named('enc.*'), got {self.select!r}."
            )
        if self.method not in ("proximal", "subgradient"):
            raise ValueError(
                f"method must be 'proximal' or 'subgradient', but got {self.method!r}."
            )

    def parameters(self, module: nn.Module) -> dict[str, nn.Parameter]:
        """Returns the parameters the penalty falls on, by qualified name.

        A parameter with several names is selected if one of them is, and counts once.

        Raises:
            ValueError: If the selector selects nothing.
        """
        if chosen := _selected(self.select, module):
            return chosen
        known = ", ".join(name for name, _, _ in parameters_by_name(module)) or "none at all"
        raise ValueError(
            f"A regularizer must select at least one trainable parameter, but {self.select!r} "
            f"selects none of {type(module).__name__}'s parameters: {known}."
        )

    def value(self, module: nn.Module) -> Tensor:
        """Returns the penalty of the module's selected parameters, a differentiable scalar."""
        parameters = list(self.parameters(module).values())
        if is_sharded(parameters):
            return added_up([whole(self.penalty.value(parameter)) for parameter in parameters])
        return total_value(self.penalty, parameters)

    def table(self, module: nn.Module) -> str:
        """Returns what the regularizer resolved to on a module, a line a parameter."""
        return regularization_table(module, [self])


def as_regularizers(given: Iterable[Penalty | Regularizer]) -> tuple[Regularizer, ...]:
    """Turns bare penalties into regularizers of all weights."""
    return tuple(r if isinstance(r, Regularizer) else Regularizer(r) for r in given)


Claims = list[tuple[Regularizer, dict[str, nn.Parameter]]]
"""Regularizers with the parameters that they fall on, by qualified name."""


def claims(module: nn.Module, regularizers: Iterable[Regularizer]) -> Claims:
    """Resolves several regularizers on a module.

    Raises:
        ValueError: If two of them claim the same parameter, or one selects nothing.
    """
    given = tuple(regularizers)
    for regularizer in given:
        regularizer.parameters(module)
    return trainable_claims(module, given)


def trainable_claims(module: nn.Module, regularizers: Iterable[Regularizer]) -> Claims:
    """Like `claims`, but a regularizer may select nothing: its weights may be frozen just now."""
    claimed: dict[int, Regularizer] = {}
    resolved = [
        (regularizer, _selected(regularizer.select, module)) for regularizer in regularizers
    ]
    for regularizer, parameters in resolved:
        for name, parameter in parameters.items():
            if other := claimed.get(id(parameter)):
                raise ValueError(
                    f"A parameter can have one penalty, but {name!r} is claimed by both {other!r} "
                    f"and {regularizer!r}. Narrow a selector, or use ElasticNet for L1 with L2."
                )
            claimed[id(parameter)] = regularizer
    return resolved


def _selected(select: Selector, module: nn.Module) -> dict[str, nn.Parameter]:
    chosen: dict[int, tuple[str, nn.Parameter]] = {}
    for name, owner, parameter in parameters_by_name(module):
        refuse_flattened(parameter)
        if parameter.requires_grad and select(name, owner, parameter):
            chosen.setdefault(id(parameter), (name, parameter))
    return dict(chosen.values())


def regularization_table(module: nn.Module, regularizers: Iterable[Regularizer]) -> str:
    """Returns each parameter of a module with its penalty, or why it has none, as text."""
    labels = {
        id(parameter): f"{regularizer.penalty!r}, {regularizer.method}"
        for regularizer, parameters in claims(module, regularizers)
        for parameter in parameters.values()
    }
    return parameter_table(module, labels)


def _check_penalty(penalty: object) -> None:
    needed = ("value", "grad", "subgrad", "prox")
    if missing := [name for name in needed if not callable(getattr(penalty, name, None))]:
        raise TypeError(
            f"{penalty!r} is no penalty: it must implement {', '.join(needed)}. "
            f"Missing {', '.join(missing)}."
        )
