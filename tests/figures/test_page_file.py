from __future__ import annotations

import os
from pathlib import Path

import pytest

from regsearch.figures.page_file import write_page


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("page", "page.html"),
        ("page.htm", "page.htm"),
        ("a/b/page.html", "a/b/page.html"),
        (Path("v1.5 λ"), "v1.5 λ.html"),
        (".", "report.html"),
    ],
)
def test_a_path_becomes_a_file(path: str | Path, file: str) -> None:
    assert write_page("<p>λ</p>", path) == Path(file)
    assert Path(file).read_text(encoding="utf-8") == "<p>λ</p>"


def test_a_page_is_replaced_as_a_whole() -> None:
    first = write_page("one", "page").stat().st_ino
    assert write_page("two", "page").stat().st_ino != first
    assert os.listdir() == ["page.html"]
    assert Path("page.html").read_text() == "two"


def test_a_home_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert write_page("x", "~/page") == tmp_path / "home" / "page.html"


@pytest.mark.parametrize("path", ["file/page", "/proc/page", "x" * 300])
def test_where_nothing_can_be_written_is_said(path: str) -> None:
    Path("file").touch()
    with pytest.raises(OSError, match=r"report must be written to a file of yours, but .* cannot"):
        write_page("x", path)
    assert os.listdir() == ["file"]


def test_names_with_broken_characters_do_not_spoil_a_page() -> None:
    assert write_page("a\ud800b", "page").read_text(encoding="utf-8") == "a?b"
