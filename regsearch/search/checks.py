"""What must hold before a study writes anything."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias

from regsearch.trials import Train

TrainChoice: TypeAlias = Literal["auto", "each", "fused"] | Train
UNSAFE = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
LONGEST_NAME = 512  # what Optuna's tables hold


def check_safe_loading() -> None:
    """Refuses to go on where torch would run code out of the files it loads.

    Raises:
        RuntimeError: If the environment turns `weights_only=True` off.
    """
    if os.environ.get(UNSAFE, "").lower() in {"1", "y", "yes", "true"}:
        raise RuntimeError(
            f"Weights must be loaded with weights_only=True, but {UNSAFE}={os.environ[UNSAFE]} "
            f"turns that off for the whole process. Run `unset {UNSAFE}`."
        )


def check_name(name: str) -> None:
    """Raises ValueError if a study cannot have this name."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"A study's name must be a text that is not blank, but got {name!r}.")
    if len(name) > LONGEST_NAME:
        raise ValueError(
            f"A study's name must have at most {LONGEST_NAME} characters, but got {len(name)}."
        )


def check_count(name: str, value: object, least: int) -> None:
    """Raises ValueError if a value is not a whole number of at least so much."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number, at least {least}, but got {value!r}.")


def check_deadline(seconds: float | None) -> None:
    """Raises ValueError if no trial could be asked for within so many seconds."""
    if seconds is not None and not seconds > 0:
        raise ValueError(f"deadline must be above 0 seconds, or None, but got {seconds!r}.")


def check_choice(name: str, value: object, words: tuple[object, ...], kind: type) -> None:
    """Raises ValueError if a value is neither one of the words nor of the kind."""
    if value not in words and not isinstance(value, kind):
        known = ", ".join(map(repr, words))
        raise ValueError(f"{name} must be {known} or an optuna {kind.__name__}, but got {value!r}.")


def check_kind(name: str, value: object, kind: type, example: str) -> None:
    """Raises TypeError if a value is not what it should be."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}, such as {example}, but got {value!r}.")


def check_training(train: TrainChoice, width: object) -> None:
    """Raises ValueError if trials cannot be trained so."""
    if train not in ("auto", "each", "fused") and not callable(train):
        raise ValueError(f"train must be 'auto', 'each' or 'fused', but got {train!r}.")
    if width != "auto":
        check_count("width", width, 1)
    if width not in ("auto", 1) and train != "fused":
        raise ValueError(
            f"width is how many trials are trained as one model: it needs train='fused', but got "
            f"width={width!r} with train={train!r}."
        )
