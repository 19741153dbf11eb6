"""What a rank of a trial on several devices needs; that it works is shown in tests/distributed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning

from regsearch import Trial
from regsearch.engines.processes import ProcessEngine
from regsearch.training.each import train_each
from regsearch.training.ranks import check_ranks, rank_arguments
from tests.training.toys import L1_PARAMS, Net, task, train

LOOPBACK = {"0100007F", "00000000000000000000000001000000"}

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


class Listening(Net):
    """Logs how many sockets of its process listen, on loopback alone or elsewhere too."""

    def on_validation_epoch_end(self) -> None:
        addresses = [address for inode, address in _listening() if inode in _sockets()]
        here = sum(address in LOOPBACK for address in addresses)
        self.log_dict({"listening/here": here, "listening/elsewhere": len(addresses) - here})


def _sockets() -> set[str]:
    """Returns the inodes of this process's sockets."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists them
            links.append(os.readlink(descriptor))
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}


def _listening() -> Iterator[tuple[str, str]]:
    """Yields inode and address of the machine's TCP sockets that listen."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                yield fields[9], fields[1].partition(":")[0]


def listening(params: Mapping[str, Any]) -> Listening:
    return Listening()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sockets are found in /proc")
def test_ranks_of_one_machine_listen_on_loopback_alone(tmp_path: Path) -> None:
    """Slow: two processes that import torch have to be started."""
    engine = ProcessEngine(["cpu"] * 2, devices_per_trial=2)
    asked = task(module=listening, devices_per_trial=2, max_epochs=1)
    trials = iter([Trial(0, L1_PARAMS, 7), Trial(1, L1_PARAMS, 7)])
    for outcome in engine.run(partial(train_each, asked, tmp_path), trials, lambda _: False):
        assert outcome.state == "complete", outcome.error
        assert outcome.metrics["listening/here"] > 0
        assert outcome.metrics["listening/elsewhere"] == 0
