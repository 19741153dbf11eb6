"""What a trial reports after each validation epoch, and when."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regsearch import named, weights
from regsearch.training.reporting import weight_metrics
from tests.training.toys import Listener, Net, task, train

NAMES = ("body.weight", "head.weight")
QUANTILES = ("p05", "p25", "p50", "p75", "p95")


def test_a_report_holds_every_family(tmp_path: Path) -> None:
    listener = Listener()
    train(tmp_path, task(), listener)
    expected = {"val_loss", "train_epoch", "loss/own"}
    expected |= {f"loss/{part}" for part in ("data", "penalty", "total")}
    for name in NAMES:
        expected |= {f"{family}/{name}" for family in ("sparsity", "near_zero", "weight_norm")}
        expected |= {f"weights_{quantile}/{name}" for quantile in QUANTILES}
    expected |= {"sparsity/all", "near_zero/all"}
    for step, report in enumerate(listener.reports):
        assert (report.trial, report.step) == (0, step)
        assert report.metrics.keys() == expected
        assert all(type(value) is float for value in report.metrics.values())
        assert report.histograms.keys() == set(NAMES)
        total = report.metrics["loss/data"] + report.metrics["loss/penalty"]
        assert report.metrics["loss/total"] == pytest.approx(total)


def test_training_metrics_are_of_the_reported_epoch(tmp_path: Path) -> None:
    listener = Listener()
    train(tmp_path, task(), listener)
    assert [report.metrics["train_epoch"] for report in listener.reports] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("asked", "reports"),
    [
        ({"val_check_interval": 1}, 9),
        ({"check_val_every_n_epoch": 2}, 1),
        ({"num_sanity_val_steps": 2}, 3),
    ],
)
def test_there_is_one_report_a_validation_epoch(
    tmp_path: Path, asked: dict[str, Any], reports: int
) -> None:
    listener = Listener()
    train(tmp_path, task(trainer=asked), listener)
    assert [report.step for report in listener.reports] == list(range(reports))


@pytest.mark.parametrize("stop_at", [0, 7])
def test_a_stop_in_the_middle_of_an_epoch_is_obeyed(tmp_path: Path, stop_at: int) -> None:
    listener, nets = Listener(stop_at), []
    given = task(
        module=lambda params: nets.append(Net()) or nets[0], trainer={"val_check_interval": 1}
    )
    (outcome,) = train(tmp_path, given, listener)
    assert outcome.state == "pruned"
    assert nets[0].trainer.global_step == stop_at + 1
    assert len(listener.reports) == stop_at + 1


class LateMonitor(Net):
    """Logs what is optimised in the training step: it has a value when the epoch ends."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass


def test_a_metric_of_the_training_epoch_can_be_monitored(tmp_path: Path) -> None:
    given = task(module=lambda params: LateMonitor(), monitor="train_epoch")
    (outcome,) = train(tmp_path, given)
    assert outcome.value == 2.0


def test_weights_are_described_by_hand_computed_numbers() -> None:
    net = nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[0.0, 5e-5, -3.0, 4.0]]))
        net[1].weight.fill_(0.0)
    metrics, histograms = weight_metrics(net, weights)
    assert metrics["sparsity/all"] == pytest.approx(2 / 5)
    assert metrics["near_zero/all"] == pytest.approx(3 / 5)
    assert metrics["sparsity/0.weight"] == pytest.approx(1 / 4)
    assert metrics["near_zero/0.weight"] == pytest.approx(2 / 4)
    assert metrics["weight_norm/0.weight"] == pytest.approx(5.0)
    assert metrics["weights_p05/0.weight"] == -3.0
    assert metrics["weights_p95/0.weight"] == 4.0
    assert metrics["sparsity/1.weight"] == 1.0
    assert math.isnan(metrics["weights_p50/1.weight"])
    assert sum(histograms["0.weight"].counts) == 3
    assert (histograms["1.weight"].zeros, sum(histograms["1.weight"].counts)) == (1, 0)


def test_only_selected_weights_are_described(tmp_path: Path) -> None:
    listener = Listener()
    train(tmp_path, task(select=named("body.*")), listener)
    assert listener.reports[0].histograms.keys() == {"body.weight"}
