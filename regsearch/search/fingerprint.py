"""What a study asks, as lines of text: under one name, only the same question may go on.

Functions stand for themselves by name, partials by function and arguments, objects by class and
fields. Nothing depends on addresses in memory or on whether a file was run or imported.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from regsearch.search.errors import StudyChangedError
from regsearch.search.space import Space
from regsearch.training.task import Task

FINGERPRINT = "regsearch.fingerprint"
ABSENT = "(not there)"


def fingerprint(task: Task, space: Space, seed: int) -> dict[str, str]:
    """Returns what decides a study's results, by name."""
    lams = {f"space.lam.{kind}": str(strength) for kind, strength in space.strengths.items()}
    extra = {f"space.extra.{name}": str(d) for name, d in (space.extra or {}).items()}
    return {
        **{f"task.{f.name}": described(getattr(task, f.name)) for f in fields(task)},
        "space.penalties": ", ".join(space.penalties),
        **lams,
        "space.l1_ratio": str(space.ratio),
        **extra,
        "space.baseline": str(space.baseline),
        "seed": str(seed),
    }


def described(value: Any) -> str:
    """Returns a value as text that is the same in every process."""
    if isinstance(value, functools.partial):
        named = [f"{name}={described(v)}" for name, v in sorted(value.keywords.items())]
        return f"partial({', '.join([described(value.func), *map(described, value.args), *named])})"
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return f"{_module(value.__module__ or '')}.{value.__qualname__}"
    if inspect.ismethod(value):
        return f"{described(value.__self__)}.{value.__name__}"
    if is_dataclass(value):
        named = [f"{f.name}={described(getattr(value, f.name))}" for f in fields(value)]
        return f"{type(value).__qualname__}({', '.join(named)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k}: {described(v)}' for k, v in sorted(value.items()))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(described, value))}]"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _module(name: str) -> str:
    """Returns the last part of a module's name, for the script that runs the name of its file."""
    if name == "__main__":
        name = Path(getattr(sys.modules["__main__"], "__file__", None) or name).stem
    return name.rpartition(".")[2]


def check_unchanged(study: optuna.Study, now: Mapping[str, str]) -> None:
    """Compares a stored study with what is asked now.

    Raises:
        StudyChangedError: If they differ, or the stored study is not one of regsearch's.
    """
    stored = study.user_attrs.get(FINGERPRINT)
    if stored is None and any(t.state != TrialState.WAITING for t in study.get_trials(False)):
        raise StudyChangedError(
            f"The stored study {study.study_name!r} must have been started by regsearch, but was "
            "not. Give this one another name or another storage."
        )
    before = dict(now) if stored is None else json.loads(stored)
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if changed:
        lines = [f"  {n}: {before.get(n, ABSENT)} -> {now.get(n, ABSENT)}" for n in changed]
        raise StudyChangedError(
            f"The stored study {study.study_name!r} can only go on with the same task, space and "
            "seed, but these differ (stored -> now):\n"
            + "\n".join(lines)
            + "\nGive the new question another name, or take back the change."
        )


def is_set_up(study: optuna.Study) -> bool:
    """Tells whether a study is stored with its fingerprint."""
    return FINGERPRINT in study.user_attrs


def remember(study: optuna.Study, now: Mapping[str, str]) -> None:
    """Stores what a study asks."""
    if not is_set_up(study):
        study.set_user_attr(FINGERPRINT, json.dumps(dict(now)))
