from __future__ import annotations

import os
from pathlib import Path

import pytest

from regsearch.tracking.spool import Spool, SpoolWriter, spools


def _event(number: int) -> dict[str, object]:
    return {"kind": "report", "number": number}


@pytest.fixture
def writer(tmp_path: Path) -> SpoolWriter:
    return SpoolWriter(tmp_path / "spool")


def _spool(writer: SpoolWriter) -> Spool:
    assert writer.spool is not None
    return writer.spool


def test_events_are_read_from_any_offset(writer: SpoolWriter) -> None:
    for number in range(3):
        writer.append(_event(number))
    found = list(_spool(writer).read())
    assert [event["number"] for event, _ in found] == [0, 1, 2]
    assert found[-1][1] == _spool(writer).size
    assert [event["number"] for event, _ in _spool(writer).read(found[0][1])] == [1, 2]
    writer.close()


def test_a_torn_last_line_waits_and_a_damaged_one_is_passed(writer: SpoolWriter) -> None:
    writer.append(_event(0))
    with _spool(writer).events.open("ab") as file:
        file.write(b'garbage\n["no", "event"]\n{"kind": "rep')
    assert [e["kind"] for e, _ in _spool(writer).read()] == ["report", "unreadable", "unreadable"]
    with _spool(writer).events.open("ab") as file:
        file.write(b'ort"}\n')
    assert [e["kind"] for e, _ in _spool(writer).read()][3:] == ["report"]
    writer.close()


def test_nothing_is_made_before_the_first_event(tmp_path: Path, writer: SpoolWriter) -> None:
    assert list(tmp_path.iterdir()) == []
    assert spools(tmp_path / "spool") == []


def test_each_session_has_a_spool_of_its_own_oldest_first(tmp_path: Path) -> None:
    writers = [SpoolWriter(tmp_path) for _ in range(12)]
    for number, writer in enumerate(writers):
        writer.append(_event(number))
    found = [spool.opening()["number"] for spool in spools(tmp_path)]
    assert found == list(range(12))
    for writer in writers:
        writer.close()


def test_it_is_known_whether_its_writer_lives(writer: SpoolWriter) -> None:
    writer.append(_event(0))
    assert _spool(writer).written()
    writer.close()
    assert not _spool(writer).written()


def test_one_process_ships_a_spool(writer: SpoolWriter) -> None:
    writer.append(_event(0))
    writer.close()
    lock = _spool(writer).take()
    assert lock is not None
    assert _spool(writer).take() is None
    os.close(lock)
    again = _spool(writer).take()
    assert again is not None
    os.close(again)
    _spool(writer).remove()
    assert _spool(writer).take() is None
    assert _spool(writer).size == 0
    assert _spool(writer).opening() == {}


def test_what_the_disk_refuses_stays_pending(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    writer = SpoolWriter(tmp_path / "spool")
    for number in range(2):
        with pytest.raises(OSError, match="exists"):
            writer.append(_event(number))
    assert writer.pending > 0
    (tmp_path / "spool").unlink()
    writer.append(_event(2))
    assert [event["number"] for event, _ in _spool(writer).read()] == [0, 1, 2]
    assert writer.pending == 0
    writer.close()
