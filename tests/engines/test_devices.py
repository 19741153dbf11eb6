"""Devices become slots: which workers there are, and what each of them sees."""

from __future__ import annotations

import pytest

from regsearch.engines.devices import Slot, cores, resolved, slots
from regsearch.engines.gpus import parsed_listing, parsed_visible, visible_gpus

without_gpus = pytest.mark.skipif(bool(visible_gpus()), reason="this machine has GPUs")


@without_gpus
def test_auto_is_every_core_where_there_is_no_gpu() -> None:
    assert resolved("auto") == ["cpu"] * cores()


@without_gpus
def test_a_number_is_so_many_workers() -> None:
    assert resolved(3) == ["cpu"] * 3


@without_gpus
def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="a list of cpu, but got '0'"):
        resolved([0])


def test_each_device_has_its_workers() -> None:
    assert [slot.devices for slot in slots(["cpu"] * 2, per_device=2, devices_per_trial=1)] == [
        ("cpu",)
    ] * 4


def test_groups_take_devices_in_order_and_leave_the_rest() -> None:
    places = slots(["cpu"] * 5, per_device=2, devices_per_trial=2)
    assert [slot.devices for slot in places] == [("cpu", "cpu")] * 4


def test_too_few_devices_are_named() -> None:
    with pytest.raises(ValueError, match="each of the 3 ranks of a trial, but there are 2"):
        slots(["cpu", "cpu"], per_device=4, devices_per_trial=3)


def test_a_core_gives_one_thread_and_no_gpu() -> None:
    (seat,) = Slot(("cpu",), threads=1, sharers=1).seats()
    assert seat.environment == {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def test_a_gpus_worker_sees_that_gpu_alone_and_takes_its_share() -> None:
    (seat,) = Slot(("GPU-8c",), threads=3, sharers=2).seats()
    assert seat.environment == {"CUDA_VISIBLE_DEVICES": "GPU-8c", "OMP_NUM_THREADS": "3"}
    assert (seat.threads, seat.memory_fraction) == (3, 0.5)
    assert seat.name == "device GPU-8c"


def test_ranks_see_their_groups_gpus_and_meet_at_one_port() -> None:
    seats = Slot(("2", "3"), threads=1, sharers=1).seats()
    assert [seat.environment["CUDA_VISIBLE_DEVICES"] for seat in seats] == ["2,3", "2,3"]
    assert [seat.environment["LOCAL_RANK"] for seat in seats] == ["0", "1"]
    assert len({seat.environment["MASTER_PORT"] for seat in seats}) == 1
    assert [seat.name for seat in seats] == [
        "device 2 (rank 0 of 2)",
        "device 3 (rank 1 of 2)",
    ]


@pytest.mark.parametrize(
    ("chosen", "names"),
    [("", []), ("-1", []), ("0", ["0"]), ("3, 1", ["3", "1"]), ("0,-1,1", ["0"])],
)
def test_the_users_own_choice_is_read_as_cuda_reads_it(chosen: str, names: list[str]) -> None:
    assert parsed_visible(chosen) == names


def test_a_divided_gpu_is_its_instances() -> None:
    listing = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef)
  MIG 3g.20gb     Device  1: (UUID: MIG-cba663e8)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-9a2b)
"""
    assert parsed_listing(listing) == ["MIG-c6d4f1ef", "MIG-cba663e8", "1"]


def test_no_listing_is_no_gpu() -> None:
    assert parsed_listing("No devices found.\n") == []
