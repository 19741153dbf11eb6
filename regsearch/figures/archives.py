"""Weight histograms that stay in their files until they are drawn.

A study of thousands of trials has gigabytes of them, of which a page shows some megabytes. What
there is, the parameters' names and how many reports there are, costs a millisecond a trial; counts
are read a parameter at a time.
"""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from regsearch.figures.data import WeightHistory, Weights

Source = Path | bytes
"""A trial's NumPy archive: its file, or the file's content."""

Arrays = Mapping[str, NDArray[Any]]
Layer = Callable[[Arrays, int, str], WeightHistory]
"""Reads the n-th parameter of an archive, given its place and its name."""

MOST = 64  # more than the trials of one figure
_STEPS = "steps/"
_DAMAGE = (AttributeError, EOFError, LookupError, TypeError, zipfile.BadZipFile, zlib.error)
_NONE = np.zeros(0, np.int64)
_UNREADABLE = WeightHistory(_NONE, np.zeros((0, 0), np.int64), _NONE, np.zeros(0))


class Shelf:
    """Keeps the archives that were read last, packed as they are, so that each is opened once."""

    def __init__(self, most: int = MOST) -> None:
        self.opened = lru_cache(most)(_read)


class StoredWeights(Mapping[str, WeightHistory]):
    """A trial's histograms by parameter, each read anew when it is asked for.

    One that cannot be read any more is a history without reports.

    Args:
        source: The archive: `names`, and `steps/...` of each parameter among the rest.
        layer: Reads one parameter.
        shelf: Where opened archives are kept, for all trials of a study.

    Raises:
        ValueError: If the archive is damaged.
        OSError: If the file cannot be opened.
    """

    def __init__(self, source: Source, layer: Layer, shelf: Shelf) -> None:
        self._source, self._layer, self._shelf = source, layer, shelf
        with sound(), _file(source) as file, _archive(file) as stored:
            names = stored["names"].tolist()
            self._places = {sys.intern(name): place for place, name in enumerate(names)}
            self.reports = _longest(stored)

    def __getitem__(self, name: str) -> WeightHistory:
        place = self._places[name]
        try:
            with sound():
                return self._layer(self._shelf.opened(self._source), place, name)
        except (OSError, ValueError):
            return _UNREADABLE

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def reports_of(weights: Weights) -> int:
    """Returns how many reports a trial's longest history has; no counts are read for that."""
    if isinstance(weights, StoredWeights):
        return weights.reports
    return max((len(history.steps) for history in weights.values()), default=0)


def tracked(source: Source, shelf: Shelf) -> StoredWeights:
    """Returns the histograms in a trial's `weights/histograms.npz`.

    Raises:
        ValueError: If it is damaged.
        OSError: If it cannot be opened.
    """
    return StoredWeights(source, _tracked_layer, shelf)


def _tracked_layer(stored: Arrays, place: int, name: str) -> WeightHistory:
    arrays = [stored[f"{field}/{name}"] for field in ("steps", "counts", "zeros", "edges")]
    if not all(isinstance(array, np.ndarray) for array in arrays):
        raise ValueError(f"{name} must be stored as arrays, but a file holds something else.")
    return WeightHistory(*arrays)


@contextmanager
def sound() -> Iterator[None]:
    """Raises ValueError where an archive that is read inside turns out to be damaged."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"A trial's reports must be a NumPy archive, but got {error}.") from error


def _read(source: Source) -> Arrays:
    """Returns an archive in memory: only its arrays that are asked for are unpacked."""
    return _archive(io.BytesIO(source if isinstance(source, bytes) else source.read_bytes()))


def _file(source: Source) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _archive(file: BinaryIO) -> NpzFile:
    found = np.load(file, allow_pickle=False)
    if not isinstance(found, NpzFile):
        raise ValueError("A trial's reports must be a NumPy archive, but got a single array.")
    return found


def _longest(stored: NpzFile) -> int:
    """Returns the length of the longest `steps/...`: that which takes the most room."""
    members = stored.zip.infolist() if stored.zip else []
    files = [member for member in members if member.filename.startswith(_STEPS)]
    if not files:
        return 0
    return len(stored[max(files, key=lambda file: file.file_size).filename])
