"""What a dry run has not seen: such trials are trained again with a Trainer, and so is the rest."""

from __future__ import annotations

import functools
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regsearch import InlineEngine, Outcome, Task
from regsearch.training.fused.fallback import TrainOn
from regsearch.training.fused.ladder import Rung
from tests.training.fused.toys import (
    KINDS,
    Net,
    Run,
    assert_same,
    each,
    loaders,
    never,
    plain_module,
    stop_early,
    task,
    trials,
)

FUSED, LEAN, EACH = Rung("fused", 3, ""), Rung("lean", 1, ""), Rung("each", 1, "")


class LooksLate(Net):
    """Takes a number out of torch, but not in its first epoch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        return loss * max(1.0, float(loss.detach())) if self.current_epoch else loss


class AsksLate(Net):
    """Asks what only a Trainer knows, but not in its first epoch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        assert not self.current_epoch or self.trainer.num_val_batches
        return self.loss(batch)


class Wrong(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        raise ValueError("NotFusableError is not what this is")


class RefusedAndWrong(LooksLate):
    """Cannot be fused for long, and does not work with a Trainer either, for some trials."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        if self.current_epoch and self.lr > 0.1:
            raise ValueError("too fast")
        return loss


def trained_on(rung: Rung, given: Task, folder: Path, *arguments: Any) -> Iterator[Outcome]:
    return TrainOn(rung, given, folder)(*arguments)


def on(rung: Rung, net: Any, folder: Path, stop: Any = never) -> Run:
    return Run(functools.partial(trained_on, rung), task(net), trials(), folder / "auto", stop)


@pytest.mark.parametrize("rung", [FUSED, LEAN, EACH])
def test_a_rung_trains_as_it_says(tmp_path: Path, rung: Rung) -> None:
    assert_same(
        on(rung, Net, tmp_path, stop_early), each(task(), trials(), tmp_path, stop=stop_early)
    )


@pytest.mark.parametrize(("rung", "net"), [(FUSED, LooksLate), (FUSED, AsksLate), (LEAN, AsksLate)])
def test_trials_refused_late_are_trained_with_a_trainer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rung: Rung, net: Any
) -> None:
    caplog.set_level(logging.WARNING, "regsearch")
    found = on(rung, net, tmp_path)
    assert_same(found, each(task(net), trials(), tmp_path))
    assert sorted(found.order) == [trial.number for trial in trials()]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Trials are trained with a Trainer from now on: ")


def test_what_the_lean_way_can_do_is_no_reason(tmp_path: Path) -> None:
    assert_same(on(LEAN, LooksLate, tmp_path), each(task(LooksLate), trials(), tmp_path))


@pytest.mark.parametrize("rung", [FUSED, LEAN])
def test_errors_of_the_trials_own_are_outcomes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rung: Rung
) -> None:
    outcomes = on(rung, Wrong, tmp_path).outcomes.values()
    assert {outcome.state for outcome in outcomes} == {"failed"}
    assert caplog.messages == []


def test_a_trial_that_fails_with_a_trainer_too_takes_no_other_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = [{**KINDS[0], "lr": lr} for lr in (0.01, 0.2, 0.02, 0.03, 0.3, 0.04)]
    given = TrainOn(Rung("fused", 4, ""), task(RefusedAndWrong), tmp_path)
    outcomes = {o.number: o for o in InlineEngine().run(given, iter(trials(params)), never)}
    states = [outcomes[number].state for number in range(6)]
    assert states == ["complete", "failed", "complete", "complete", "failed", "complete"]
    assert outcomes[1].reason == outcomes[4].reason == "ValueError: too fast"
    assert len(caplog.messages) == 1


def test_it_pickles_and_needs_no_trials(tmp_path: Path) -> None:
    given = task(module=plain_module, data=loaders)
    train = pickle.loads(pickle.dumps(TrainOn(FUSED, given, tmp_path)))
    assert list(train(iter(()), never)) == []
