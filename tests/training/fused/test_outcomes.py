"""How fused trials end: each exactly once, at once, and no trial because of another one's fault."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regsearch import Report, Trial
from regsearch.engines.inline import InlineEngine
from regsearch.training.fused.train import train_fused
from tests.training.fused.toys import KINDS, Net, assert_same, each, fused, loaders, task, trials


class Exploding(Net):
    """Diverges if its learning rate is large."""

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.lr)


@pytest.mark.filterwarnings("ignore:overflow encountered in dot")  # of its weights' norm
def test_a_trial_that_diverges_is_pruned_and_harms_no_other(tmp_path: Path) -> None:
    settings = [{**KINDS[1], "lr": lr} for lr in (0.01, 1e30, 0.02)]
    given = task(Exploding, max_epochs=5)
    mine, alone = fused(given, trials(settings), tmp_path), each(given, trials(settings), tmp_path)
    assert (mine.outcomes[1].state, mine.outcomes[1].reason) == ("pruned", "diverged")
    assert mine.outcomes[1].error == alone.outcomes[1].error
    for number in (0, 2):
        assert mine.outcomes[number].value == pytest.approx(alone.outcomes[number].value)


def test_a_pruned_trial_leaves_no_weights_and_stops_at_once(tmp_path: Path) -> None:
    stop = lambda report: report.trial == 1 and report.step == 1  # noqa: E731
    run = fused(task(), trials(KINDS[:3]), tmp_path, stop=stop)
    assert [run.outcomes[i].reason for i in range(3)] == ["", "pruner", ""]
    assert [len(run.reports[i]) for i in range(3)] == [4, 2, 4]
    assert sorted(path.name for path in run.folder.iterdir()) == ["0.pt", "2.pt"]


def test_a_trial_stopped_after_its_last_epoch_is_complete(tmp_path: Path) -> None:
    run = fused(task(), trials(KINDS[:1]), tmp_path, stop=lambda report: report.step == 3)
    assert run.outcomes[0].state == "complete"


def test_saved_weights_are_one_trials_alone(tmp_path: Path) -> None:
    """A view of the stack would be saved with all the stack's memory."""
    run = fused(task(), trials(KINDS * 4), tmp_path, width=28)
    sizes = {path.stat().st_size for path in run.folder.iterdir()}
    assert max(sizes) < 10_000
    net = Net()
    net.load_state_dict(run.weights(1))


class Broken(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        raise OSError("the disk is gone")


class BrokenLater(Net):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == 1:
            raise OSError("the disk is gone")
        return self.loss(batch)


@pytest.mark.parametrize("net", [Broken, BrokenLater])
def test_a_step_that_raises_fails_its_trials_and_the_stream_goes_on(
    tmp_path: Path, net: Any
) -> None:
    def choose(params: Any) -> Any:
        return net() if params["penalty"] == "l1" else Net()

    settings = [KINDS[1], KINDS[0], KINDS[1], KINDS[2], KINDS[1]]
    given = task(max_epochs=3, module=choose)
    run = fused(given, trials(settings), tmp_path, width=2)
    assert [run.outcomes[i].state for i in range(5)] == [
        "failed",
        "complete",
        "failed",
        "complete",
        "failed",
    ]
    for number in (0, 2, 4):
        assert run.outcomes[number].reason == "OSError: the disk is gone"
        assert "in training_step" in run.outcomes[number].error


class Lossless(Net):
    def training_step(self, batch: Any, batch_idx: int) -> None:
        return None


def empty() -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(0, 6)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"monitor": "val_los"}, "'val_los' was not. Logged: "),
        (
            {"net": Lossless},
            "training_step must return a loss, but gave None for the whole epoch 0",
        ),
        ({"net": lambda: nn.Linear(1, 1)}, "A LightningModule is needed, but got Linear"),
        ({"data": lambda: (empty(), loaders()[1])}, "the training loader is empty"),
        ({"data": lambda: (loaders()[0], empty())}, "at least one validation batch"),
        ({"trainer": {"limit_val_batches": 0}}, "at least one validation batch"),
        ({"trainer": {"check_val_every_n_epoch": 9}}, "At least one validation epoch must run"),
        ({"data": lambda: loaders()[0]}, "Task.data must return a pair"),
    ],
)
def test_what_cannot_be_trained_fails_and_says_why(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    run = fused(task(**changes), trials(KINDS[:2]), tmp_path)
    assert {outcome.state for outcome in run.outcomes.values()} == {"failed"}
    assert all(message in outcome.error for outcome in run.outcomes.values())


def test_a_trial_whose_params_make_no_module_fails_alone(tmp_path: Path) -> None:
    settings = [KINDS[0], {"penalty": "no_such", "lam": 1.0}, KINDS[1]]
    run = fused(task(), trials(settings), tmp_path)
    assert [run.outcomes[i].state for i in range(3)] == ["complete", "failed", "complete"]
    assert "penalty must be one of" in run.outcomes[1].reason


def test_trials_are_pulled_when_there_is_room_and_not_before(tmp_path: Path) -> None:
    pulled: list[int] = []
    ended: list[int] = []

    def stream() -> Iterator[Trial]:
        for trial in trials(KINDS):
            assert len(pulled) - len(ended) < 3
            pulled.append(trial.number)
            yield trial

    def stop(report: Report) -> bool:
        return report.trial == 1 and report.step == 0

    for outcome in train_fused(task(), tmp_path, stream(), stop, width=3):
        if not ended:
            assert (outcome.number, pulled) == (1, [0, 1, 2])
        ended.append(outcome.number)
    assert sorted(ended) == list(range(7))


def test_the_callers_own_errors_are_the_callers(tmp_path: Path) -> None:
    def raising(report: Report) -> bool:
        raise LookupError("mine")

    function = partial(train_fused, task(), tmp_path, width=2)
    with pytest.raises(LookupError, match="mine"):
        list(InlineEngine().run(function, iter(trials()), raising))


def test_ctrl_c_in_a_step_reaches_the_caller(tmp_path: Path) -> None:
    class Interrupted(Net):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fused(task(Interrupted), trials(KINDS[:2]), tmp_path)


def test_the_callers_generators_stay_as_they_are(tmp_path: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    for _ in train_fused(task(), tmp_path, iter(trials(KINDS[:3])), lambda report: False, width=2):
        assert torch.equal(torch.get_rng_state(), before)


def test_a_listener_that_draws_numbers_changes_no_result(tmp_path: Path) -> None:
    plain = fused(task(), trials(), tmp_path / "plain")
    drawn = fused(task(), trials(), tmp_path / "drawn", stop=lambda report: bool(torch.rand(1) > 2))
    assert_same(drawn, plain, tolerance=0.0)
