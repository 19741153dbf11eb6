"""The Ray engine keeps the laws, and a study outlives what happens to the machines of a cluster.

The cluster is real but for its machines: all nodes run on this one, their GPUs exist by name only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'regsearch[ray]'")
from ray.cluster_utils import Cluster  # noqa: E402  # where there is Ray

from regsearch.engines.base import Engine, SupervisingEngine  # noqa: E402
from regsearch.engines.ray import RayEngine  # noqa: E402
from regsearch.testing.engines import EngineLaws  # noqa: E402
from regsearch.testing.ranks import RankLaws  # noqa: E402
from regsearch.testing.train_functions import endless, finite, go_on, train  # noqa: E402
from regsearch.testing.workers import WorkerEngineLaws  # noqa: E402
from regsearch.trials import LOST, Outcome, Report, Trial  # noqa: E402
from tests.engines.trains_on_ray import (  # noqa: E402
    TrainThatIsGone,
    train_describing_its_process,
    train_losing_a_rank_of_trial_0,
    train_slowly,
    train_summing_over_ranks,
)

pytestmark = pytest.mark.ray

_PROGRAM = Path(__file__).with_name("coordinator_on_ray.py")
_NODE = {"num_cpus": 2, "include_log_monitor": False}  # nobody reads what workers print


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster whose first node has no GPU; Ray takes SIGTERM for itself while it is there."""
    before = signal.getsignal(signal.SIGTERM)
    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False})
    yield cluster
    cluster.shutdown()
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="class")
def gpu_nodes(cluster: Cluster) -> Iterator[list[object]]:
    """Two nodes with a GPU each, of which a test may remove some and add others."""
    nodes = [cluster.add_node(**_NODE, num_gpus=1) for _ in range(2)]
    yield nodes
    for node in nodes:
        cluster.remove_node(node)


@pytest.fixture(scope="class")
def connected(cluster: Cluster) -> Iterator[None]:
    ray.init(address=cluster.address, logging_level="WARNING")
    yield
    ray.shutdown()


@pytest.mark.usefixtures("connected")
class TestOneRayWorker(EngineLaws):
    """The laws that need no second worker; each one takes Ray a second and more to start."""

    @pytest.fixture
    def engine(self) -> Engine:
        return RayEngine("auto", gpus_per_trial=0, cpus_per_trial=2)


@pytest.mark.usefixtures("connected")
class TestRayEngine(WorkerEngineLaws, RankLaws):
    @pytest.fixture
    def engine(self) -> SupervisingEngine:
        return RayEngine("auto", gpus_per_trial=0)

    test_each_trial_has_exactly_one_outcome = EngineLaws.test_each_trial_has_exactly_one_outcome

    def test_a_train_function_that_cannot_be_sent_is_refused_before_any_trial(
        self, engine: SupervisingEngine
    ) -> None:
        """Ray sends functions from anywhere, so it takes more than a local one."""
        lock = threading.Lock()
        with pytest.raises(TypeError, match="must pickle to be sent to workers.*cannot pickle"):
            engine.run(lambda trials, on_report: iter((lock,)), finite(1), go_on)

    def test_there_must_be_a_device_for_each_rank(self, engine: SupervisingEngine) -> None:
        """What a cluster has is known once it is joined."""
        trio = engine.suited(devices_per_trial=3, deadline=None)
        with pytest.raises(ValueError, match="needs 3 times 1 CPU, for which there must be room"):
            next(trio.run(train, _none_is_pulled(), go_on))

    def test_what_the_process_was_connected_to_stays_so(self, engine: Engine) -> None:
        list(engine.run(train, finite(1), go_on))
        assert ray.is_initialized()

    def test_another_cluster_is_not_joined_by_the_way(self) -> None:
        for address in ("local", "127.0.0.1:1"):
            with pytest.raises(RuntimeError, match="must come to a process without Ray"):
                list(RayEngine(address, gpus_per_trial=0).run(train, finite(1), go_on))

    def test_a_killed_worker_loses_its_trial_alone(self, engine: Engine) -> None:
        def kill_the_third(report: Report) -> bool:
            if report.trial == 2:
                os.kill(int(report.metrics["process"]), signal.SIGKILL)
            return False

        outcomes = list(engine.run(train_slowly, finite(5), kill_the_third))
        assert sorted(outcome.number for outcome in outcomes) == list(range(5))
        (lost,) = (outcome for outcome in outcomes if outcome.state != "complete")
        process = int(lost.metrics["process"])
        assert lost.number == 2
        assert lost.reason.startswith(f"{LOST}: the worker on 127.0.0.1 (process {process}) died: ")

    def test_workers_cannot_start_without_what_they_import(self) -> None:
        engine = RayEngine("auto", gpus_per_trial=0, cpus_per_trial=2)
        with pytest.raises(RuntimeError, match="No module named 'gone'"):
            list(engine.run(TrainThatIsGone(), finite(1), go_on))

    def test_a_worker_finds_what_its_coordinator_has(self, engine: Engine) -> None:
        (outcome,) = engine.run(train_describing_its_process, finite(1), go_on)
        found = json.loads(outcome.error)
        assert found["folder"] == os.getcwd()
        assert set(sys.path) <= set(found["path"])
        assert found["CUDA_VISIBLE_DEVICES"] == ""
        assert found["OMP_NUM_THREADS"] == "1"
        assert found["ignores_ctrl_c"]
        assert not found["imported"]


class TestCluster:
    """Engines that join by address, and leave again."""

    @pytest.fixture(autouse=True)
    def _joined_and_left(self, cluster: Cluster, gpu_nodes: list[object]) -> Iterator[None]:
        yield
        assert not ray.is_initialized()
        ray.init(address=cluster.address, logging_level="ERROR")  # it still runs
        ray.shutdown()

    def test_a_gpu_is_shared_by_fractions(self, cluster: Cluster) -> None:
        handler = signal.getsignal(signal.SIGTERM)
        engine = RayEngine(cluster.address, gpus_per_trial=0.5)
        outcomes = list(engine.run(train_describing_its_process, finite(4), go_on))
        assert {_described(outcome)["CUDA_VISIBLE_DEVICES"] for outcome in outcomes} == {"0"}
        assert signal.getsignal(signal.SIGTERM) is handler

    def test_ranks_find_each_other_across_nodes(self, cluster: Cluster) -> None:
        engine = RayEngine(cluster.address, devices_per_trial=2)
        (outcome,) = engine.run(train_describing_its_process, finite(1), go_on)
        ranks = [json.loads(Path(f"rank{rank}").read_text()) for rank in range(2)]
        assert json.loads(outcome.error) == ranks[0]
        assert ranks[0]["node"] != ranks[1]["node"]
        for number, rank in enumerate(ranks):
            assert (rank["RANK"], rank["WORLD_SIZE"]) == (str(number), "2")
            assert (rank["LOCAL_RANK"], rank["CUDA_VISIBLE_DEVICES"]) == ("0", "0")
            assert rank["MASTER_ADDR"] == "127.0.0.1"
            assert rank["MASTER_PORT"] == ranks[0]["MASTER_PORT"]

    @pytest.mark.slow  # two workers import torch
    def test_ranks_compute_together(self, cluster: Cluster) -> None:
        engine = RayEngine(cluster.address, devices_per_trial=2)
        (outcome,) = engine.run(train_summing_over_ranks, finite(1), go_on)
        assert outcome == Outcome(0, "complete", 3.0)

    def test_workers_die_with_their_coordinator(self, cluster: Cluster) -> None:
        command = [sys.executable, _PROGRAM, cluster.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            worker = int(program.stdout.readline())
            program.kill()
        while _is_there(worker):  # for ever, if it outlives its coordinator
            time.sleep(0.01)

    def test_the_death_of_a_rank_ends_the_trial(self, cluster: Cluster) -> None:
        engine = RayEngine(cluster.address, devices_per_trial=2)
        first, second = engine.run(train_losing_a_rank_of_trial_0, finite(2), go_on)
        assert (first.number, first.state) == (0, "failed")
        assert first.reason.startswith(LOST)
        assert (second.number, second.state) == (1, "complete")

    def test_a_node_may_leave_and_another_join(
        self, cluster: Cluster, gpu_nodes: list[object]
    ) -> None:
        at_work: set[float] = set()
        lost: list[Outcome] = []
        has_left = False

        def change_the_cluster(report: Report) -> bool:
            nonlocal has_left
            at_work.add(report.metrics["node"])
            if len(at_work) == 2 and not has_left:
                cluster.remove_node(gpu_nodes.pop(), allow_graceful=False)
                has_left = True
            if lost and len(gpu_nodes) == 1:
                gpu_nodes.append(cluster.add_node(**_NODE, num_gpus=1))
            return False

        run = RayEngine(cluster.address).run(train_slowly, _until(at_work, 3), change_the_cluster)
        assert isinstance(run, Generator)
        with closing(run):
            lost += [next(outcome for outcome in run if outcome.state == "failed")]
            assert lost[0].reason.startswith(f"{LOST}: the worker on 127.0.0.1, GPU 0 (process ")
            assert {outcome.state for outcome in run} == {"complete"}
        # It may have been lost before its first report.
        assert lost[0].metrics.get("node", min(at_work)) in at_work
        assert len(at_work) == 3

    @pytest.mark.parametrize(
        ("engine", "match"),
        [
            (RayEngine(devices_per_trial=4), "needs 4 times 1 GPU and 1 CPU"),
            (RayEngine(cpus_per_trial=3), "has .*no GPU and 2 CPUs on 127.0.0.1"),
        ],
    )
    def test_no_room_is_an_error_before_any_trial(
        self, cluster: Cluster, engine: RayEngine, match: str
    ) -> None:
        joining = RayEngine(
            cluster.address,
            engine.gpus_per_trial,
            engine.cpus_per_trial,
            devices_per_trial=engine.devices_per_trial,
        )
        with pytest.raises(ValueError, match=match):
            next(joining.run(train, _none_is_pulled(), go_on))


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _described(outcome: Outcome) -> dict[str, object]:
    description: dict[str, object] = json.loads(outcome.error)
    return description


def _until(seen: set[float], count: int) -> Iterator[Trial]:
    """Yields trials until so many things have been seen."""
    for trial in endless():
        if len(seen) >= count:
            return
        yield trial


def _none_is_pulled() -> Iterator[Trial]:
    raise AssertionError("a trial was pulled")
    yield
