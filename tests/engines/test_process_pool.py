"""Worker processes outlive neither the coordinator nor the run, whatever happens to whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regsearch.engines.processes import ProcessEngine
from regsearch.testing.engines import close
from regsearch.testing.train_functions import endless, expected_outcome, finite, go_on
from regsearch.testing.worker_train_functions import FATAL, TrainWithChild, wait_for
from regsearch.testing.workers import is_running, the_one_that_failed
from regsearch.trials import LOST, OnReport, Outcome, Trial

ROOT = Path(__file__).parents[2]
HEADER = """
import os, resource, signal
from pathlib import Path
from regsearch.engines.processes import ProcessEngine
from regsearch.testing.train_functions import endless, finite, go_on, train
from regsearch.testing.worker_train_functions import TrainWithChild
"""


def start(script: str) -> subprocess.Popen[str]:
    """Starts a coordinator of its own, in a file as a user would write it."""
    Path("script.py").write_text(HEADER + textwrap.dedent(script), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "script.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_workers_die_with_a_killed_coordinator(tmp_path: Path) -> None:
    """One of them is stopped, and cannot do so itself."""
    folder = tmp_path / "processes"
    folder.mkdir()
    coordinator = start("""
        if __name__ == "__main__":
            train = TrainWithChild(Path("processes"))
            for outcome in ProcessEngine(["cpu", "cpu"]).run(train, endless(), go_on):
                pass
    """)
    with coordinator:
        wait_for(lambda: len(list(folder.iterdir())) == 4)
        processes = [int(file.name) for file in folder.iterdir()]
        os.kill(processes[0], signal.SIGSTOP)
        coordinator.kill()
        wait_for(lambda: not any(map(is_running, processes)))


def _size(file: Path) -> int:
    return file.stat().st_size


def test_what_a_dead_worker_has_started_dies_with_it(tmp_path: Path) -> None:
    run = ProcessEngine(["cpu"]).run(TrainWithChild(tmp_path), endless(), go_on)
    next(run)
    worker, child = (int(file.name) for file in sorted(tmp_path.iterdir(), key=_size))
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not is_running(child))
    close(run)


def test_ctrl_c_is_the_coordinators_alone() -> None:
    """Every process of the terminal's gets the signal; the coordinator here goes on."""
    coordinator = start("""
        if __name__ == "__main__":
            signal.signal(signal.SIGINT, lambda *_: None)
            for outcome in ProcessEngine(["cpu", "cpu"]).run(train, finite(20), go_on):
                os.killpg(0, signal.SIGINT)
                print(outcome.state)
    """)
    out, err = coordinator.communicate()
    assert out.split() == ["complete"] * 20, err


def test_a_run_that_is_never_closed_lets_the_interpreter_end() -> None:
    coordinator = start("""
        if __name__ == "__main__":
            run = ProcessEngine(["cpu"]).run(train, endless(), go_on)
            print(next(run).state)
    """)
    out, err = coordinator.communicate(timeout=100)
    assert (coordinator.returncode, out) == (0, "complete\n"), err


def test_a_script_without_a_guard_is_told_so() -> None:
    coordinator = start("""
        print(list(ProcessEngine(["cpu"]).run(train, finite(1), go_on)))
    """)
    _, err = coordinator.communicate(timeout=100)
    assert coordinator.returncode == 1
    assert 'must do so below `if __name__ == "__main__":`' in err.splitlines()[-1]


def test_a_train_function_that_workers_cannot_import_is_refused() -> None:
    coordinator = start("""
        if __name__ == "__main__":
            def local(trials, on_report):
                yield from train(trials, on_report)

            list(ProcessEngine(["cpu"]).run(local, finite(1), go_on))
    """)
    _, err = coordinator.communicate(timeout=100)
    assert "RuntimeError: Worker processes must be able to import the train function" in err
    assert "local" in err


def test_too_few_open_files_are_named_as_the_reason() -> None:
    coordinator = start("""
        if __name__ == "__main__":
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
            list(ProcessEngine(["cpu"] * 64).run(train, finite(1), go_on))
    """)
    _, err = coordinator.communicate(timeout=100)
    assert "RuntimeError: Every worker must have a process and a channel" in err
    assert "ulimit" in err


@dataclass(frozen=True)
class TrainKillingTheForkServer:
    """Kills the process that all workers come from, in one trial."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        for trial in trials:
            if trial.number == FATAL:
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()
            yield expected_outcome(trial.number)


def test_the_loss_of_the_fork_server_costs_the_trials_of_its_workers_alone() -> None:
    outcomes = list(ProcessEngine(["cpu"]).run(TrainKillingTheForkServer(), finite(4), go_on))
    lost = the_one_that_failed(outcomes)
    assert lost.reason.startswith(f"{LOST}: ")
    assert lost.reason.endswith("which was ended by SIGKILL")


@dataclass(frozen=True)
class TrainDyingAtOnce:
    """Ends its process before it has asked for a trial."""

    def __call__(self, trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        os._exit(7)


def test_workers_that_never_start_end_the_run() -> None:
    trials = finite(1)
    with pytest.raises(RuntimeError, match="3 in a row ended .* exited with code 7"):
        list(ProcessEngine(["cpu"]).run(TrainDyingAtOnce(), trials, go_on))
    assert len(list(trials)) == 1
