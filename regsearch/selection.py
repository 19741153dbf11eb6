"""Which parameters a penalty falls on: a selector answers that for each parameter.

The default, `weights`, takes what practice regularises: weight matrices and kernels. Biases, norm
layers and embeddings are left alone. The others pick among `weights` unless told otherwise, so that
`named("enc.*")` means the encoder's weights and not its biases.

Selectors are plain values (they pickle, and their repr says what they are); any function of
(qualified name, owning module, parameter) is one too. Frozen parameters are never penalised,
whatever a selector says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import FunctionType

from torch import nn

Selector = Callable[[str, nn.Module, nn.Parameter], bool]

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


def weights(name: str, owner: nn.Module, parameter: nn.Parameter) -> bool:
    """Selects trainable parameters of at least two dimensions outside norms and embeddings."""
    return (
        parameter.requires_grad
        and parameter.ndim >= 2
        and not isinstance(owner, (*NORMS, *EMBEDDINGS))
    )


def everything(name: str, owner: nn.Module, parameter: nn.Parameter) -> bool:
    """Selects every trainable parameter, biases included."""
    return parameter.requires_grad


@dataclass(frozen=True, repr=False)
class Named:
    """Selects by qualified name; see `named`."""

    patterns: tuple[str, ...]
    among: Selector

    def __call__(self, name: str, owner: nn.Module, parameter: nn.Parameter) -> bool:
        matches = any(fnmatchcase(name, pattern) for pattern in self.patterns)
        return matches and self.among(name, owner, parameter)

    def __repr__(self) -> str:
        return _call("named", map(repr, self.patterns), self.among)


@dataclass(frozen=True, repr=False)
class OfType:
    """Selects by the owner's type; see `of_type`."""

    types: tuple[type[nn.Module], ...]
    among: Selector

    def __call__(self, name: str, owner: nn.Module, parameter: nn.Parameter) -> bool:
        return isinstance(owner, self.types) and self.among(name, owner, parameter)

    def __repr__(self) -> str:
        return _call("of_type", (kind.__name__ for kind in self.types), self.among)


@dataclass(frozen=True, repr=False)
class Exclude:
    """Selects what another selector does not; see `exclude`."""

    selector: Selector
    among: Selector

    def __call__(self, name: str, owner: nn.Module, parameter: nn.Parameter) -> bool:
        return self.among(name, owner, parameter) and not self.selector(name, owner, parameter)

    def __repr__(self) -> str:
        return _call("exclude", [_shown(self.selector)], self.among)


def _call(name: str, arguments: Iterable[str], among: Selector) -> str:
    """Returns a selector as the call that makes it."""
    last = [] if among is weights else [f"among={_shown(among)}"]
    return f"{name}({', '.join([*arguments, *last])})"


def _shown(selector: Selector) -> str:
    return selector.__name__ if isinstance(selector, FunctionType) else repr(selector)


def named(*patterns: str, among: Selector = weights) -> Named:
    """Selects parameters whose qualified name matches one of the shell patterns.

    Args:
        patterns: At least one, such as "encoder.*" or "*.conv?.weight"; case matters.
        among: What is picked from.

    Raises:
        ValueError: If no pattern is given.

    >>> named("enc.*", among=exclude(of_type(nn.GRU)))
    named('enc.*', among=exclude(of_type(GRU)))
    """
    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise ValueError(
            f"named() needs at least one pattern such as 'enc.*', but got {patterns!r}."
        )
    return Named(patterns, among)


def of_type(*types: type[nn.Module], among: Selector = weights) -> OfType:
    """Selects parameters that modules of the given types own directly.

    Args:
        types: At least one module class, such as `nn.Linear`.
        among: What is picked from.

    Raises:
        ValueError: If no class is given, or something that is none.
    """
    if not types or not all(isinstance(kind, type) for kind in types):
        raise ValueError(f"of_type() needs module classes such as nn.Linear, but got {types!r}.")
    return OfType(types, among)


def exclude(selector: Selector, among: Selector = weights) -> Exclude:
    """Selects what `among` selects and `selector` does not.

    Args:
        selector: What to leave alone, for instance `named("head.*")`.
        among: What is picked from.
    """
    return Exclude(selector, among)
