"""What distinguishes two modules of one architecture: their attributes besides tensors.

Trials can lend each other code only if whatever a step reads is the same. A learning rate that only
`configure_optimizers` reads may differ, a loss's weight may not: so what a step reads is traced.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from regsearch.namespaces import namespace_of
from regsearch.training.fused.refusal import NotFusableError

Key = tuple[str, str]
"""A part's qualified name and one of its attributes; `hparams.lr` is an attribute, too."""

_HPARAMS = "hparams."


def attributes(module: Any) -> dict[Key, Any]:
    """Returns the attributes of a module and its parts that are no tensors of theirs."""
    ignored = _internal(namespace_of(module).LightningModule)
    found: dict[Key, Any] = {}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name not in ignored:
                found[path, name] = value
    for name, value in _hparams(module).items():
        found["", _HPARAMS + name] = value
    return found


def guard(module: Any, key: Key) -> None:
    """Makes reading an attribute of a module an error, even where there is a default for it."""
    path, name = key
    if name.startswith(_HPARAMS):
        refuse = functools.partial(_refuse, name.removeprefix(_HPARAMS))
        vars(module)["_hparams"] = _watched_hparams(_hparams(module), refuse)
        return
    part = module.get_submodule(path)
    vars(part).pop(name, None)
    members = {
        name: property(lambda self: _refuse(name, name)),
        "__module__": type(part).__module__,
    }
    part.__class__ = type(type(part).__name__, (type(part),), members)


def _refuse(guarded: str, name: str) -> None:
    if name == guarded:
        raise NotFusableError(f"a step reads {name} late, and it differs between trials")


def differing(some: Mapping[Key, Any], others: Mapping[Key, Any]) -> set[Key]:
    """Returns the keys whose values are not surely the same."""
    missing = some.keys() ^ others.keys()
    return missing | {
        key for key in some.keys() & others.keys() if not _alike(some[key], others[key])
    }


def _alike(a: Any, b: Any) -> bool:
    try:
        return same(a, b)
    except (
        RecursionError,
        RuntimeError,
        TypeError,
        ValueError,
    ):  # comparing ran a class's own code
        return False


def same(a: Any, b: Any) -> bool:
    """Whether two attributes are surely the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    match a:
        case Tensor():
            return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
        case Mapping():
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        case list() | tuple():
            return len(a) == len(b) and all(map(same, a, b))
        case functools.partial():
            return same((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
        case FunctionType():
            return a.__code__ == b.__code__ and same(_bound(a), _bound(b))
        case bool() | int() | float() | complex() | str() | bytes() | set() | frozenset():
            return bool(a == b)
    members = getattr(a, "__dict__", None)
    if members and not isinstance(a, type):
        return same(members, b.__dict__)
    return "__eq__" in vars(type(a)) and bool(a == b)


def _bound(function: FunctionType) -> Any:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return cells, function.__defaults__, function.__kwdefaults__


@functools.cache
def _internal(base: Callable[[], Any]) -> frozenset[str]:
    """What every module has: its tensors, its parts, and what Lightning keeps there."""
    fused = {
        "_notes",
        "_clock",
        "_hparams",
        "_hparams_initial",
        "_hparams_name",
        "_log_hyperparams",
    }
    return frozenset({*vars(nn.Module()), *vars(base()), *fused, "allow_zero_length_dataloader"})


def _hparams(module: Any) -> dict[str, Any]:
    found = vars(module).get("_hparams")
    return found if isinstance(found, dict) else {}


class Reads:
    """Remembers which attributes of a module are read while its code runs.

    Args:
        module: A copy that serves nothing else: its parts' classes are exchanged.
    """

    def __init__(self, module: Any) -> None:
        self.seen: set[Key] = set()
        for path, part in module.named_modules():
            part.__class__ = _watched(type(part), functools.partial(self._note, path))
        if _hparams(module):
            vars(module)["_hparams"] = _watched_hparams(_hparams(module), self._note_hparam)

    def _note(self, path: str, name: str) -> None:
        self.seen.add((path, name))

    def _note_hparam(self, name: str) -> None:
        self.seen.add(("", _HPARAMS + name))


def _watched(kind: type, note: Callable[[str], None]) -> type:
    own: Any = kind.__getattribute__

    def read(self: Any, name: str) -> Any:
        note(name)
        return own(self, name)

    members = {"__getattribute__": read, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), members)


def _watched_hparams(hparams: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    kind = type(hparams)

    def get_item(self: Any, name: str) -> Any:
        note(name)
        return dict.__getitem__(self, name)

    def get_attribute(self: Any, name: str) -> Any:
        if name in self:
            return get_item(self, name)
        raise AttributeError(name)

    def get(self: Any, name: str, default: Any = None) -> Any:
        note(name)
        return dict.get(self, name, default)

    def every(self: Any) -> Iterator[str]:
        for name in dict.keys(self):
            note(name)
        return dict.__iter__(self)

    members = {
        "__getitem__": get_item,
        "__getattr__": get_attribute,
        "get": get,
        "__iter__": every,
        "keys": lambda self: list(every(self)),
        "items": lambda self: [(name, self[name]) for name in dict.keys(self)],
        "values": lambda self: [self[name] for name in dict.keys(self)],
    }
    made: dict[str, Any] = type(kind.__name__, (kind,), members)(hparams)
    return made
