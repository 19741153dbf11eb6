from __future__ import annotations

from collections.abc import Callable

import pytest
from mlflow.utils import validation

from regsearch.testing.trackers import ODD_NAMES
from regsearch.tracking import names

check_metric: Callable[[str], object] = validation._validate_metric_name
check_param: Callable[[str, str], object] = validation._validate_param

MORE = ("", ".", "..", "/", "a/", "/a", "a/../b", "a\n", "a" * 251, "é" * 250, "C:\\x", "\x00")


@pytest.mark.parametrize("name", ODD_NAMES + MORE)
def test_mlflow_takes_every_key_and_value(name: str) -> None:
    key = names.key(name)
    check_metric(key)
    check_param(key, names.text(name * 9000, names.LONGEST_PARAM))
    assert 0 < len(key) <= names.LONGEST_KEY
    assert names.key(key) == key


@pytest.mark.parametrize("name", ["val_loss", "sparsity/net.0.weight", "top 5: acc", "λ/x-1"])
def test_good_names_stay(name: str) -> None:
    assert names.key(name) == name


def test_different_names_stay_different() -> None:
    odd = ["a[0]", "a(0)", "a_0_", "a//b", "a/b", "x" * 300, "x" * 301, "", "."]
    assert len({names.key(name) for name in odd}) == len(odd)


def test_long_text_ends_in_an_ellipsis() -> None:
    assert names.text("abcdef", 4) == "abc…"
    assert names.text("abcd", 4) == "abcd"


@pytest.mark.parametrize("name", [*ODD_NAMES, *MORE, "/etc/passwd", "..\\..\\up", "a/./b"])
def test_files_stay_below_their_run(name: str) -> None:
    path = names.artifact(name)
    assert not path.startswith("/")
    assert set(path.split("/")).isdisjoint({"", ".", ".."})


def test_plain_file_names_stay() -> None:
    assert names.artifact("weights/layer 1.html") == "weights/layer 1.html"
