"""Histograms in files: what is known without reading them, and what damage does."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from regsearch.figures.archives import MOST, Shelf, StoredWeights, reports_of, tracked
from regsearch.figures.data import WeightHistory
from regsearch.tracking.histograms import archive
from regsearch.trials import Histogram


def _packed(**reports: int) -> bytes:
    """Returns the archive of parameters with so many reports each."""
    shape = Histogram((1,) * 64, 1.0, 3)
    return archive({name: [(step, shape) for step in range(n)] for name, n in reports.items()})


def _rewritten(packed: bytes, name: str, content: bytes) -> bytes:
    """Returns an archive in which one array is not what it was."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return changed.getvalue()


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_parameter_is_what_was_stored(tmp_path: Path, in_memory: bool) -> None:
    packed = _packed(a=2, b=5)
    (tmp_path / "file").write_bytes(packed)
    stored = tracked(packed if in_memory else tmp_path / "file", Shelf())
    assert (list(stored), len(stored), "b" in stored, "c" in stored) == (["a", "b"], 2, True, False)
    assert stored["b"].steps.tolist() == [0, 1, 2, 3, 4]
    assert stored["b"].counts.tolist() == [[1] * 64] * 5
    assert stored["b"].zeros.tolist() == [3] * 5
    assert stored["b"].edges[[0, -1]].tolist() == [-1, 1]
    assert stored.get("c") is None


def test_names_and_reports_are_known_without_the_counts() -> None:
    packed = _rewritten(_packed(a=2, b=130, c=7), "counts/b.npy", b"no array")
    stored = tracked(packed, Shelf())
    assert list(stored) == ["a", "b", "c"]
    assert reports_of(stored) == 130
    assert len(stored["c"].steps) == 7


def test_reports_of_what_is_in_memory() -> None:
    def history(reports: int) -> WeightHistory:
        zeros = np.zeros(reports, int)
        return WeightHistory(zeros, np.zeros((reports, 4), int), zeros, np.linspace(-1, 1, 5))

    assert reports_of({"a": history(2), "b": history(3)}) == 3
    assert reports_of({}) == 0


@pytest.mark.parametrize("member", ["counts/a.npy", "edges/a.npy"])
def test_a_parameter_that_cannot_be_read_has_no_reports(member: str) -> None:
    packed = _packed(a=2, b=5)
    for damaged in (_rewritten(packed, member, b""), _flipped(packed, member)):
        stored = tracked(damaged, Shelf())
        assert len(stored["a"].steps) == 0
        assert len(stored["b"].steps) == 5


def _flipped(packed: bytes, member: str) -> bytes:
    """Returns an archive whose member cannot be unpacked."""
    with zipfile.ZipFile(io.BytesIO(packed)) as stored:
        start = stored.getinfo(member).header_offset + 30 + len(member) + 20
    return (
        packed[:start]
        + bytes(255 - byte for byte in packed[start : start + 20])
        + (packed[start + 20 :])
    )


def test_a_file_that_is_gone_has_no_reports(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(_packed(a=2))
    stored = tracked(file, Shelf())
    file.unlink()
    assert list(stored) == ["a"]
    assert len(stored["a"].steps) == 0
    with pytest.raises(FileNotFoundError):
        tracked(file, Shelf())


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    packed = _packed(a=2)
    nameless = _rewritten(packed, "names.npy", b"")
    for damaged in (b"", b"text", packed[:-100], packed[:40], array.getvalue(), nameless):
        (tmp_path / "file").write_bytes(damaged)
        for source in (damaged, tmp_path / "file"):
            with pytest.raises((ValueError, OSError), match=r"."):
                tracked(source, Shelf())


def test_only_the_last_archives_are_kept(tmp_path: Path) -> None:
    shelf, packed = Shelf(), _packed(a=1)
    found: list[StoredWeights] = []
    for number in range(MOST + 5):
        file = tmp_path / f"{number}"
        file.write_bytes(packed)
        found.append(tracked(file, shelf))
    assert shelf.opened.cache_info().currsize == 0
    assert all(len(stored["a"].steps) == 1 for stored in found)
    assert shelf.opened.cache_info().currsize == MOST
