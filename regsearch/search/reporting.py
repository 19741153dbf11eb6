"""A study's report as its end sees it: drawn once, and never the reason why a study fails.

Plotly takes half a second to import, which a study owes nobody before there is something to draw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regsearch.figures.data import StudyData
from regsearch.search.watchers import Bare
from regsearch.tracking.base import StudyTracker
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.trouble import Trouble

REPORT = "report.html"


def html_of(data: StudyData) -> str:
    """Returns the page of a study."""
    from regsearch.figures.page import page  # imports Plotly

    return page([data])


def figures_of(data: StudyData) -> dict[str, Any]:
    """Returns the Plotly figures of a study by name."""
    from regsearch.figures import gallery  # imports Plotly

    return gallery.figures_of(data)


def drawn(
    data: Callable[[], StudyData], tracker: StudyTracker, say: Callable[[str], None]
) -> dict[str, str]:
    """Returns the page by its file's name.

    Nothing is drawn for a tracker that has no place for a page of some megabytes; where drawing
    fails, that is a warning.

    Args:
        data: Gives the study.
        tracker: Who is to keep the page.
        say: Tells the person who waits.
    """
    if isinstance(tracker, MemoryTracker | Bare):
        return {}
    say("Drawing the report.")
    try:
        return {REPORT: html_of(data())}
    except Exception as error:
        Trouble().say(
            "report",
            f"The study's report must be drawn, but got {type(error).__name__}: {error}. All that "
            "the study found is stored as ever.",
        )
        return {}
