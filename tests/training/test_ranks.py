"""What a rank of a trial on several devices needs; that it works is shown in tests/distributed."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytorch_lightning

from regsearch.training.ranks import check_ranks, rank_arguments
from tests.training.toys import task, train

ENVIRONMENT = {
    "RANK": "5",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "6",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


@pytest.fixture
def _rank(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_several_devices_need_an_engine_that_starts_ranks(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"RANK, .* are not set .* as ProcessEngine does"):
        train(tmp_path, task(devices_per_trial=2))


@pytest.mark.usefixtures("_rank")
def test_as_many_ranks_as_devices_are_needed() -> None:
    check_ranks(6)
    with pytest.raises(RuntimeError, match="devices_per_trial=2 .* WORLD_SIZE is 6"):
        check_ranks(2)


@pytest.mark.usefixtures("_rank")
def test_ranks_may_be_spread_over_machines() -> None:
    arguments = rank_arguments(pytorch_lightning)
    assert (arguments["devices"], arguments["num_nodes"]) == (2, 3)
    assert isinstance(arguments["strategy"], pytorch_lightning.strategies.DDPStrategy)
