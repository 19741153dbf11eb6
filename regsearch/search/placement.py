"""Where a study's trials run, when nobody says, and whether the engine given can run them."""

from __future__ import annotations

import logging

import torch

from regsearch.engines.base import Engine, SupervisingEngine
from regsearch.engines.inline import InlineEngine
from regsearch.engines.processes import ProcessEngine
from regsearch.search import checks

_log = logging.getLogger(__name__)

_WORDS: dict[type, str] = {
    InlineEngine: "Trials run in this process: engine=None is InlineEngine().",
    ProcessEngine: "Trials run in worker processes: engine=None is ProcessEngine().",
}


def placed(
    engine: Engine | None, *, devices_per_trial: int, deadline: float | None
) -> tuple[Engine, str]:
    """Returns the engine of a study, and what there is to say of the choice; "" if nothing.

    Args:
        engine: The user's choice; None is worker processes where there are several GPUs or a trial
            needs several devices, and this process otherwise.
        devices_per_trial: See `Task`.
        deadline: See `Study`.

    Raises:
        TypeError: If it is no engine.
        ValueError: If it cannot train a trial on so many devices.
    """
    words = ""
    if engine is None:
        engine = default_engine(torch.cuda.device_count(), devices_per_trial)
        words = _WORDS[type(engine)]
        _log.info(words)
    checks.check_kind("engine", engine, Engine, "InlineEngine()")
    if isinstance(engine, SupervisingEngine):
        return engine.suited(devices_per_trial=devices_per_trial, deadline=deadline), words
    if devices_per_trial > 1:
        raise ValueError(
            f"A trial on {devices_per_trial} devices needs an engine that starts a process on each "
            f"of them, but got {engine!r}. Use ProcessEngine(), or Task(devices_per_trial=1)."
        )
    if deadline is not None:
        _log.warning("deadline has no effect on trials in this process: there are no workers.")
    return engine, words


def default_engine(gpus: int, devices_per_trial: int) -> Engine:
    """Returns the engine of a study whose user has named none."""
    return ProcessEngine() if gpus > 1 or devices_per_trial > 1 else InlineEngine()
