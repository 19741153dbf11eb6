"""The way that is chosen: right before fast, and by the clock only where it is clear."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from regsearch.training.fused import compiling, ladder, speed
from regsearch.training.fused.ladder import Rung, fastest
from regsearch.training.fused.sizes import WIDTH
from regsearch.trials import Trial
from tests.training.fused.test_compiling import needs_compiler
from tests.training.fused.test_graphs import Numbered
from tests.training.fused.test_refusals import Item
from tests.training.fused.toys import KINDS, Net, task

LONG = 40  # epochs of three steps: enough for a dry run to pay


def found(count: int = 16, **changes: Any) -> Rung:
    examples = [Trial(number, KINDS[number % 4], seed=0) for number in range(count)]
    return fastest(task(**{"max_epochs": LONG} | changes), examples, count)


def test_small_networks_are_fused() -> None:
    rung = found()
    assert (rung.way, rung.width) == ("fused", 16)
    assert rung.reason == f"{rung.gain:.1f} times as fast as one after another"
    assert str(rung).startswith("Trials are trained as one model, 16 at once: ")


def test_the_width_follows_from_counts_and_not_from_the_clock() -> None:
    assert {found(count).width for count in (WIDTH, WIDTH)} == {WIDTH}
    assert found(3) == Rung("lean", 1, "there is room for 3 at once")


def test_a_choice_is_the_same_on_the_cpu_where_there_is_no_other_device() -> None:
    examples = [Trial(number, KINDS[0], seed=0) for number in range(8)]
    rung = fastest(task(max_epochs=LONG), examples, 8, on_cpu=True)
    assert (rung.way, rung.width) == ("fused", 8)


@pytest.mark.parametrize(
    ("changes", "way", "reason"),
    [
        ({"net": Item}, "lean", "looks at a number"),
        ({"max_epochs": 4}, "lean", "12 steps a trial"),
        ({"trainer": {"accumulate_grad_batches": 2}}, "each", "accumulate_grad_batches=2"),
        ({"trainer": {"enable_checkpointing": True}}, "each", "enable_checkpointing=True"),
        ({"devices_per_trial": 2}, "each", "spread over several devices"),
        ({"net": lambda: 1 / 0}, "each", "its own code raises ZeroDivisionError"),
    ],
)
def test_what_is_not_fused_says_why(changes: Any, way: str, reason: str) -> None:
    rung = found(**changes)
    assert (rung.way, rung.width) == (way, 1)
    assert reason in rung.reason


class AsksInValidation(Net):
    """Its validation wants to know what only a Trainer does."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        assert self.trainer.num_val_batches


def test_a_validation_that_needs_a_trainer_gets_one() -> None:
    rung = found(net=AsksInValidation)
    assert (rung.way, rung.reason) == ("each", "it reads self.trainer.num_val_batches")


class Unsteady(Net):
    """Gives something else when it is run for several trials."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        is_batched = torch._C._functorch.is_batchedtensor(self.head.weight)
        return self.loss(batch) * (2.0 if is_batched else 1.0)


def test_a_stack_that_gives_something_else_is_not_taken() -> None:
    reason = "its step gives something else for several trials than for one"
    assert found(net=Unsteady) == Rung("lean", 1, reason)


class Random(Net):
    """Draws numbers in its step: they differ between trials, and that is no fault."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.loss((batch[0] + torch.randn_like(batch[0]), batch[1]))


def test_random_numbers_are_no_difference_and_none_are_drawn_from_the_caller() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert found(net=Random).way == "fused"
    assert torch.equal(torch.get_rng_state(), before)


def many() -> Any:
    train = TensorDataset(torch.zeros(9, 6).double(), torch.zeros(9, 1).double())
    return DataLoader(train, 9), DataLoader(train, 9)


def test_data_that_cannot_be_kept_is_left_to_the_trainer() -> None:
    rung = found(data=many, max_epochs=10**7)
    assert (rung.way, "memory" in rung.reason) == ("each", True)


class Decaying(Net):
    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.02, weight_decay=0.1)


def test_warnings_of_a_trials_penalty_are_left_to_its_training() -> None:
    assert found(net=Decaying).way == "fused"  # a warning would be an error here


@pytest.fixture
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any study is long enough to compile, and any gain is enough."""
    monkeypatch.setattr(ladder, "LONG", 0.0)
    monkeypatch.setattr(ladder, "FASTER", 0.0)


@needs_compiler
@pytest.mark.slow  # compiles
@pytest.mark.usefixtures("_long")
def test_long_studies_are_compiled_and_it_is_said_beforehand() -> None:
    said: list[str] = []
    examples = [Trial(number, KINDS[number % 4], seed=0) for number in range(8)]
    rung = fastest(task(max_epochs=LONG), examples, 8, saying=said.append)
    assert (rung.way, rung.width) == ("compiled", 8)
    assert ["compiled" in words for words in said] == [True]
    assert str(rung).startswith("Trials are trained as one compiled model, 8 at once: ")


@pytest.mark.usefixtures("_long")
def test_why_a_long_study_is_not_compiled_is_said() -> None:
    rung = found(net=Numbered)
    assert rung.way == "fused"
    assert rung.reason.endswith("not compiled, since a step looks at the batch's number")


@pytest.mark.usefixtures("_long")
def test_networks_of_several_shapes_are_not_compiled() -> None:
    settings = [{**KINDS[number % 4], "lr": 0.01 * (1 + number % 2)} for number in range(16)]
    examples = [Trial(number, mine, seed=0) for number, mine in enumerate(settings)]
    rung = fastest(task(Wide, max_epochs=LONG), examples, 16)
    assert rung.way == "fused"
    assert rung.reason.endswith("not compiled, since they differ in shape")


class Wide(Net):
    def make_body(self) -> Any:
        return nn.Sequential(nn.Linear(6, wide := 5 if self.lr < 0.015 else 7), nn.Linear(wide, 5))


@needs_compiler
@pytest.mark.slow  # compiles
def test_a_compiled_model_must_be_clearly_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "LONG", 0.0)
    monkeypatch.setattr(ladder, "FASTER", 1e9)
    rung = found(8)
    assert rung.way == "fused"
    assert "; compiled " in rung.reason


@pytest.mark.usefixtures("_long")
def test_compiling_that_fails_costs_no_more_than_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def gain_of(usual: Any, others: Any, limit: float) -> float:
        if limit == ladder.FASTER:
            raise MemoryError
        return speed.gain_of(usual, others, limit)

    monkeypatch.setattr(ladder, "gain_of", gain_of)
    rung = found(8)
    assert rung.way == "fused"
    assert rung.reason.endswith("not compiled, since that raises MemoryError")


def test_no_step_that_is_timed_is_compared_with_the_module_code() -> None:
    assert speed.ROUNDS < compiling.FIRST_CHECK
