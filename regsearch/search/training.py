"""How a study's trials are trained: the words of `Study.run` as a train function.

"auto" is settled in the coordinator, by a dry run before the first trial. A faster way that it
finds is stored, so that a study that goes on trains in the same one. Where workers hold the GPUs,
the coordinator leaves them alone and tries on its CPU.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import optuna

from regsearch.engines.base import Engine
from regsearch.engines.inline import InlineEngine
from regsearch.search.checks import TrainChoice
from regsearch.search.space import Space
from regsearch.search.storage import OpenStudy, quiet_optuna
from regsearch.training.each import train_each
from regsearch.training.fused.dry_run import why_not_fusable
from regsearch.training.fused.fallback import TrainOn
from regsearch.training.fused.ladder import Rung, fastest
from regsearch.training.fused.refusal import NotFusableError
from regsearch.training.fused.sizes import WIDTH
from regsearch.training.fused.train import train_fused
from regsearch.training.task import Task
from regsearch.trials import Train, Trial

TRAINING = "regsearch.training"
FEWEST = 4  # trials
LEAST = 50  # epochs of all trials together, below which a dry run costs more than it may gain


def check_fusable(train: TrainChoice, task: Task, space: Space) -> None:
    """Raises NotFusableError, before anything is written, if trials are to be fused and cannot."""
    if train == "fused" and (reason := why_not_fusable(task, examples(space, 1, 0)[0].params)):
        raise NotFusableError(reason)


@dataclass(frozen=True)
class Training:
    """How trials are trained.

    Attributes:
        function: The train function.
        saves_weights: Whether it is known to save each complete trial's weights.
        rung: What "auto" has come to; None if it was not asked.
    """

    function: Train
    saves_weights: bool = True
    rung: Rung | None = None

    @property
    def words(self) -> str:
        """What there is to say of the choice; "" if there was none."""
        return "" if self.rung is None else str(self.rung)

    @property
    def farewell(self) -> str:
        """What was gained, in words; "" if nothing."""
        if self.rung is None or not self.rung.is_fused:
            return ""
        return (
            f"Trained as one model, a step of these trials was {self.rung.gain:.1f} times as fast "
            "as one after another: timed side by side before the first."
        )


def training_of(
    train: TrainChoice,
    task: Task,
    folder: Path,
    width: int | Literal["auto"],
    auto: Rung | None = None,
) -> Training:
    """Returns how a study's trials are trained.

    Args:
        train: See `Study.run`.
        task: What is trained.
        folder: Where weights are kept.
        width: See `Study.run`.
        auto: What "auto" has come to.
    """
    if not isinstance(train, str):
        return Training(train, saves_weights=False)
    if train == "fused":
        wide = None if width == "auto" else width
        return Training(functools.partial(train_fused, task, folder, width=wide))
    if train == "auto" and auto is not None:
        return Training(TrainOn(auto, task, folder), rung=auto)
    return Training(functools.partial(train_each, task, folder))


def settled(
    book: OpenStudy,
    task: Task,
    trials: Callable[[], Sequence[Trial]],
    *,
    left: int,
    engine: Engine,
    saying: Callable[[str], object],
) -> Rung:
    """Returns how a study's trials are trained when nobody says: as before, or found out now.

    Args:
        book: The study; it remembers what was found out.
        task: What is trained.
        trials: Gives some like those to come.
        left: How many trials are still to come.
        engine: Where they are trained.
        saying: Told of what takes long.
    """
    stored = book.study.user_attrs.get(TRAINING)
    if stored is not None:
        return Rung(**json.loads(stored))
    if left < FEWEST or left * task.max_epochs < LEAST:
        return Rung("each", 1, f"with {left} to come, it does not pay to look for a faster way")
    on_cpu = not isinstance(engine, InlineEngine)
    rung = fastest(task, trials(), left, on_cpu=on_cpu, saying=saying)
    if rung.way != "each":  # what stands in the way is found again at once, or was mended
        book.study.set_user_attr(TRAINING, json.dumps(asdict(rung)))
    return rung


def examples(space: Space, count: int, seed: int) -> Sequence[Trial]:
    """Returns trials as any others of a space, up to as many as may share a model."""
    with quiet_optuna():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [Trial(number, space.suggest(study.ask()), seed) for number in range(min(count, WIDTH))]
