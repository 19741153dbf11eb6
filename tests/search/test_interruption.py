"""What is left when a study is cut short, by ctrl-C or by the death of its process."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optuna.trial import TrialState

from regsearch.search.errors import StorageError, StorageHeldError
from regsearch.search.lock import held
from regsearch.search.space import BASELINE
from regsearch.tracking.memory import MemoryTracker
from regsearch.trials import Trial
from tests.interpreters import LEARNERS, Program
from tests.search.toys import DB, curve, go, stored, study, trained


@pytest.mark.parametrize("signal_like", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("number", [0, 2])
def test_ctrl_c_queues_the_trial_again(signal_like: type[BaseException], number: int) -> None:
    def cut_short(trial: Trial) -> Iterator[float]:
        values = list(curve(trial))
        yield values[0]
        if trial.number == number:
            raise signal_like
        yield from values[1:]

    tracker = MemoryTracker()
    with pytest.raises(signal_like):
        go(study(4, storage=DB), trained(cut_short), tracker)
    assert tracker.outcomes[number].reason == "interrupted"
    assert tracker.closed
    assert [t for t in stored().trials if t.state == TrialState.RUNNING] == []

    result = go(study(4, storage=DB))
    table = result.trials.set_index("number")
    assert table.loc[number, ["state", "reason"]].tolist() == ["failed", "interrupted"]
    assert (table["state"] != "failed").sum() == 4
    again = table[table["attempt"] == 1]
    assert len(again) == 1
    columns = ["penalty", "lam", "l1_ratio"]
    first = table.loc[number, columns].fillna(-1).tolist()
    assert again.iloc[0][columns].fillna(-1).tolist() == first


def test_interrupted_trials_come_again_however_often() -> None:
    def interrupted(trial: Trial) -> Iterator[float]:
        yield 1.0
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            go(study(2, storage=DB, max_retries=0), trained(interrupted))
    table = go(study(2, storage=DB, max_retries=0)).trials
    assert table["penalty"].tolist() == ["none", "l1", "none", "l1", "none"]
    assert table["attempt"].tolist() == [0, 0, 1, 1, 2]
    assert table["state"].tolist() == ["failed"] * 3 + ["complete"] * 2


SCRIPT = """
import sys, time
from tests.search.toys import curve, go, study, trained

def slow(trial):
    for value in curve(trial):
        yield value
        if trial.number == int(sys.argv[1]):
            print("running", flush=True)
            time.sleep(60)

go(study(4, storage="sqlite:///study.db"), trained(slow))
"""


@contextmanager
def started(number: int) -> Iterator[Program]:
    """Runs a study in another process, which is in this trial when the block begins."""
    with LEARNERS.started(["-c", SCRIPT, str(number)]) as process:
        assert process.stdout.readline() == "running\n"
        yield process


def killed(number: int) -> None:
    with started(number) as process:
        process.kill()


@pytest.mark.slow  # starts processes that train
@pytest.mark.parametrize("number", [0, 2])
def test_a_killed_study_goes_on(number: int) -> None:
    killed(number)
    left = stored().trials
    assert [t.number for t in left if t.state == TrialState.RUNNING] == [number]
    tracker = MemoryTracker()
    table = go(study(4, storage=DB), tracker=tracker).trials.set_index("number")
    assert table.loc[number, "reason"].startswith("lost")
    assert (table["state"] != "failed").sum() == 4
    again = table[table["attempt"] == 1]
    assert again["lam"].tolist() == [table.loc[number, "lam"]]
    assert {bool(t.user_attrs.get(BASELINE)) for t in stored().trials if t.number == 0} == {True}
    assert (table["penalty"] == "none").sum() == (2 if number == 0 else 1)


@pytest.mark.slow  # starts processes that train
def test_a_trial_that_kills_its_process_is_given_up() -> None:
    killed(0)
    retry = max(trial.number for trial in stored().trials) + 1
    killed(retry)
    table = go(study(4, storage=DB)).trials
    lost = table[table["reason"].str.startswith("lost")]
    assert lost["attempt"].tolist() == [0, 1]
    assert (table["penalty"] == "none").sum() == 2
    assert (table["state"] != "failed").sum() == 4


@pytest.mark.slow  # starts processes that train
def test_a_storage_in_use_is_refused() -> None:
    with started(1) as process:
        named = f"process {process.pid} on {re.escape(socket.gethostname())} has it open"
        with pytest.raises(StorageHeldError, match=named):
            go(study(4, storage=DB))
        with pytest.raises(StorageHeldError):
            go(study(4, name="another", storage=DB))
    assert len(go(study(4, storage=DB)).trials) == 5


def test_a_storage_is_given_back() -> None:
    def interrupting(trial: Trial) -> Iterator[float]:
        raise KeyboardInterrupt

    go(study(2, storage=DB))
    with pytest.raises(KeyboardInterrupt):
        go(study(3, storage=DB), trained(interrupting))
    with held(Path("study.db.lock"), "study.db"), pytest.raises(StorageHeldError):
        go(study(3, storage=DB))
    assert len(go(study(3, storage=DB)).trials) == 4


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_from_a_storage_in_use(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("study.db.lock").write_text("4711\n")  # of a process that ended long ago

    def flock(file: object, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StorageError, match=r"must be able to lock files.*local disk") as caught:
        go(study(2, storage=DB))
    assert not isinstance(caught.value, StorageHeldError)
    assert "4711" not in str(caught.value)
