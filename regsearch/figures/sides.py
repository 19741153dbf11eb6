"""Studies beside each other: each in its own colour, shape and dash, the same in every figure.

Only studies that optimise the same metric in the same direction can stand on one axis; the others
are named below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regsearch.figures.data import StudyData
from regsearch.figures.labels import plain, shortened
from regsearch.figures.theme import STUDY_COLORS, STUDY_DASHES, STUDY_SYMBOLS


@dataclass(frozen=True)
class Side:
    """A study and how it looks among others.

    Attributes:
        data: The study.
        label: Its name, told apart from others of the same name; raw text.
        place: Its place among all studies, which gives it colour, shape and dash.
    """

    data: StudyData
    label: str
    place: int

    @property
    def name(self) -> str:
        """The label as Plotly shows it."""
        return plain(self.label, 32)

    @property
    def color(self) -> str:
        """Its colour."""
        return STUDY_COLORS[self.place % len(STUDY_COLORS)]

    @property
    def symbol(self) -> str:
        """The shape of its points."""
        return STUDY_SYMBOLS[self.place % len(STUDY_SYMBOLS)]

    @property
    def dash(self) -> str:
        """How its lines are broken."""
        return STUDY_DASHES[self.place % len(STUDY_DASHES)]


def sides_of(studies: Sequence[StudyData]) -> list[Side]:
    """Returns the studies with labels that differ."""
    seen: dict[str, int] = {}
    sides = []
    for place, data in enumerate(studies):
        label = shortened(data.name, 48)
        seen[label] = seen.get(label, 0) + 1
        again = f" ({seen[label]})" if seen[label] > 1 else ""
        sides.append(Side(data, label + again, place))
    return sides


def comparable(studies: Sequence[StudyData]) -> tuple[list[Side], str]:
    """Returns the studies that share the first one's goal, and a note that names the others."""
    sides = sides_of(studies)
    goals = [(side.data.monitor, side.data.direction) for side in sides]
    same = [side for side, goal in zip(sides, goals, strict=True) if goal == goals[0]]
    others = [side.name for side, goal in zip(sides, goals, strict=True) if goal != goals[0]]
    return same, f"left out, for another goal: {', '.join(others)}" if others else ""
