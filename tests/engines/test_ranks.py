"""The environment of ranks is what torchrun would set."""

from __future__ import annotations

import socket

import pytest

from regsearch.engines.ranks import free_port, is_port_taken, rank_environment


def test_ranks_of_one_machine_are_numbered_through() -> None:
    found = [rank_environment(rank, 2, address="127.0.0.1", port=5) for rank in range(2)]
    assert [one["RANK"] + one["LOCAL_RANK"] + one["GROUP_RANK"] for one in found] == ["000", "110"]
    assert {one["WORLD_SIZE"] + one["LOCAL_WORLD_SIZE"] for one in found} == {"22"}
    assert {one["MASTER_ADDR"] + ":" + one["MASTER_PORT"] for one in found} == {"127.0.0.1:5"}


def test_ranks_that_see_a_device_each_are_nodes_of_their_own() -> None:
    third = rank_environment(2, 3, address="node", port=5, local_size=1)
    assert (third["RANK"], third["LOCAL_RANK"], third["GROUP_RANK"]) == ("2", "0", "2")
    assert (third["WORLD_SIZE"], third["LOCAL_WORLD_SIZE"]) == ("3", "1")


def test_a_free_port_can_be_taken_and_the_error_of_a_taken_one_is_known() -> None:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", free_port()))
        first.listen()
        with pytest.raises(OSError, match="in use") as caught:
            second.bind(first.getsockname())
    assert is_port_taken(str(caught.value))
    assert not is_port_taken("ValueError: on purpose")
