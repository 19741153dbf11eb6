"""The worker's side: trials come over a channel, reports and outcomes go back over it.

Nothing here knows of processes or clusters, nor of what is trained, so that every engine with
workers serves a train function in the same way. It imports the standard library alone: what a
worker has loaded beyond that, the train function asked for.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Iterator

from regsearch.engines.base import guarded
from regsearch.engines.workers import Ask, Broken, Channel, Step
from regsearch.trials import OnReport, Report, Train, Trial


def serve(train: Train, channel: Channel, *, rank: int = 0) -> None:
    """Trains what the coordinator gives until there is no more.

    Errors of `train` become failed outcomes, as in every engine; those of the conversation itself,
    such as an outcome that does not pickle, are the worker's last words.

    Args:
        train: The train function.
        channel: The way to the coordinator.
        rank: Place among the workers that train a trial together; only rank 0 sends whole reports.
    """
    try:
        for outcome in guarded(train, _trials(channel), _reporting(channel, rank)):
            channel.tell(outcome)
    except Exception:
        channel.tell(Broken(traceback.format_exc()))


def _trials(channel: Channel) -> Iterator[Trial]:
    while True:
        _free_device_memory()
        trial = channel.ask(Ask())
        if not isinstance(trial, Trial):
            return
        yield trial


def _reporting(channel: Channel, rank: int) -> OnReport:
    def on_report(report: Report) -> bool:
        said = Step(report.trial, report.step) if rank else report
        return bool(channel.ask(said))

    return on_report


def _free_device_memory() -> None:
    """Gives back what the trial before has left on the GPU, for others on the same device."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
