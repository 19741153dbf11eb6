"""Draws a value of an Optuna distribution through the three questions every trial answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


class Suggester(Protocol):
    """The part of an Optuna trial that a space uses; a `FixedTrial` has it too."""

    @property
    def user_attrs(self) -> dict[str, Any]: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


def draw(trial: Suggester, name: str, d: BaseDistribution) -> Any:
    """Asks a trial for a value of a float, int or categorical distribution."""
    match d:
        case FloatDistribution():
            return trial.suggest_float(name, d.low, d.high, step=d.step, log=d.log)
        case IntDistribution():
            return trial.suggest_int(name, d.low, d.high, step=d.step, log=d.log)
        case CategoricalDistribution():
            return trial.suggest_categorical(name, d.choices)
        case _:
            raise AssertionError(d)
