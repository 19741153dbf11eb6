from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from regsearch.tracking.whole_file import write_whole


def test_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(b"old")
    with file.open("rb") as reader:
        write_whole(file, b"new")
        assert reader.read() == b"old"  # whoever reads it still has it whole
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    for name in ("x" * 250 + ".html", "λ" * 125 + ".htm"):
        write_whole(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"


def test_what_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "kept").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        write_whole(folder, b"new")
    assert list(tmp_path.iterdir()) == [folder]
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "file", b"new")


CUT_SHORT = """
import resource, signal, sys
from pathlib import Path
from regsearch.tracking.whole_file import write_whole

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
write_whole(Path("7.curve.npz"), b"new" * 4096)
"""


def test_a_process_killed_in_the_midst_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The kernel kills it when its file grows too large."""
    file = tmp_path / "7.curve.npz"
    file.write_bytes(b"old")
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", CUT_SHORT], env={"PYTHONPATH": root})
    assert done.returncode == -signal.SIGXFSZ
    assert file.read_bytes() == b"old"
    (left,) = set(tmp_path.iterdir()) - {file}
    assert left.match("*.curve.npz")  # to be tidied up with its kind
