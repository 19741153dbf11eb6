from __future__ import annotations

import functools
import operator
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from regsearch.penalties import L1
from regsearch.search.fingerprint import described, fingerprint
from regsearch.search.space import Space
from tests.search.tasks import TASK


@dataclass(frozen=True)
class Chooser:
    patterns: list[str]


class Plain:
    pass


def test_describes_without_addresses() -> None:
    assert described(described) == "fingerprint.described"
    assert described(functools.partial(described, 3, width=(1, 2.5))) == (
        "partial(fingerprint.described, 3, width=[1, 2.5])"
    )
    assert described(Chooser(["enc.*"])) == "Chooser(patterns=['enc.*'])"
    assert (
        described({"b": L1(0.5), "a": Chooser}) == "{a: test_fingerprint.Chooser, b: L1(lam=0.5)}"
    )
    assert described(Chooser(["x"]).__init__).startswith("Chooser(patterns=['x'])")
    assert "0x" not in described(Plain())
    assert described(operator.itemgetter(1)) == "operator.itemgetter(1)"


PRINT = """
from regsearch.search.fingerprint import fingerprint
from regsearch.search.space import Space
from tests.search.tasks import TASK
print(fingerprint(TASK, Space(), 0))
"""


@pytest.mark.slow  # another process imports torch
def test_is_the_same_in_another_process() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    environment["PYTHONHASHSEED"] = "7"
    command = [sys.executable, "-c", PRINT]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(fingerprint(TASK, Space(), 0))
