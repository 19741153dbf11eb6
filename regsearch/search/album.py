"""What trials reported, kept beside the storage for the study's report.

A study that goes on tomorrow, in another process, still has yesterday's curves and weights, and one
of thousands of trials holds only the running ones in memory.

    regsearch.db.files/1/album/7.curve.npz      the metrics of trial 7, which has ended
    regsearch.db.files/1/album/7.weights.npz    its weight histograms, if it has any
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from regsearch.figures.archives import Shelf
from regsearch.figures.data import Weights
from regsearch.search.packing import curve_in, packed_curve, packed_weights, weights_in
from regsearch.tracking.trouble import Trouble
from regsearch.tracking.whole_file import write_whole
from regsearch.trials import Outcome, Report, Trial

CURVE = ".curve.npz"
WEIGHTS = ".weights.npz"


class Album:
    """A tracker that keeps each trial's reports in a folder; what is not there is simply not drawn.

    Args:
        folder: Where its files are; made when the first trial ends.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[int, list[Report]] = {}
        self._trouble = Trouble()

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        self._running[trial.number] = []

    def log(self, report: Report) -> None:
        """A trial has finished a validation epoch."""
        reports = self._running.get(report.trial)
        if reports is not None:
            reports.append(report)

    def finish(self, outcome: Outcome) -> None:
        """A trial has ended: writes its files; a study goes on without them."""
        with self._spoken():
            self._write(outcome.number, self._running.pop(outcome.number, []))

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Says what goes wrong inside, once, and lets it pass."""
        try:
            yield
        except Exception as error:
            self._trouble.say(
                "album",
                f"{self._folder} must take what trials reported, or they are missing in the "
                f"study's report, but got {type(error).__name__}: {error}. The study goes on.",
            )

    def close(self) -> None:
        """Has nothing to do: what was cut short has ended, too."""

    def _write(self, number: int, reports: list[Report]) -> None:
        if reports:
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(self._folder / f"{number}{CURVE}", packed_curve(reports))
            _replace(self._folder / f"{number}{WEIGHTS}", packed_weights(reports))

    def keep_only(self, numbers: Container[int]) -> None:
        """Deletes what a study before this one left here, but for the trials of these numbers."""
        with self._spoken():
            for file in [*self._folder.glob(f"*{CURVE}"), *self._folder.glob(f"*{WEIGHTS}")]:
                if _number(file) not in numbers:
                    file.unlink(missing_ok=True)

    def curve(self, number: int) -> pd.DataFrame | None:
        """Returns a trial's reports, see `regsearch.figures.rows.curve`; None without any."""
        try:
            return curve_in((self._folder / f"{number}{CURVE}").read_bytes())
        except (OSError, ValueError):
            return None

    @property
    def weights(self) -> Mapping[int, Weights]:
        """The trials' histograms, in their files until they are asked for."""
        return _WeightFiles(self._folder)


def album_of(files: Path) -> Album:
    """Returns the album among a study's files, those with the best trial's weights."""
    return Album(files / "album")


class _WeightFiles(Mapping[int, Weights]):
    def __init__(self, folder: Path) -> None:
        found = {_number(file): file for file in folder.glob(f"*{WEIGHTS}")}
        self._files = {number: found[number] for number in sorted(found) if number >= 0}
        self._known: dict[int, Weights] = {}
        self._shelf = Shelf()

    def __getitem__(self, number: int) -> Weights:
        if number not in self._known:
            self._known[number] = _weights(self._files[number], self._shelf)
        return self._known[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _weights(file: Path, shelf: Shelf) -> Weights:
    try:
        return weights_in(file, shelf)
    except (OSError, ValueError):
        return {}


def _number(file: Path) -> int:
    """Returns whose file it is; -1 if it is no trial's."""
    number = file.name.partition(".")[0]
    return int(number) if number.isdecimal() else -1


def _replace(file: Path, content: bytes) -> None:
    """Writes a file that a reader sees whole or not at all; an empty one is none."""
    if not content:
        file.unlink(missing_ok=True)
        return
    write_whole(file, content)
