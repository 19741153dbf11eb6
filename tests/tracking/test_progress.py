from __future__ import annotations

from pathlib import Path

from regsearch.tracking.progress import Progress


def test_it_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    progress = Progress(offset=7, error="down", best=0.5, runs={"3": "ab"})
    progress.save(tmp_path / "progress.json")
    assert Progress.load(tmp_path / "progress.json") == progress
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_without_a_readable_file_it_is_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    assert Progress.load(path) == Progress()
    for damaged in ("", "{", "[]", '{"unknown": 1}'):
        path.write_text(damaged)
        assert Progress.load(path) == Progress()
