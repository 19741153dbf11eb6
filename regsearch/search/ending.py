"""The end of a study: what it found is written down first, the page over it is drawn after that.

Drawing takes seconds, and whoever has waited for hours may press ctrl-C while it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from regsearch.figures.data import StudyData
from regsearch.search.notes import TABLE, Findings
from regsearch.search.records import Record
from regsearch.search.reporting import drawn
from regsearch.search.signals import Signals
from regsearch.tracking.base import StudyTracker
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.tracking.places import DEFAULT, absolute

UNDRAWN = "Interrupted: all that was found is written down, the report is not drawn."


def store_of(tracker: StudyTracker) -> str:
    """Returns the tracking URI of the store in which a tracker keeps a study."""
    return absolute(tracker.tracking_uri) if isinstance(tracker, MLflowTracker) else DEFAULT


def conclude(
    findings: Findings,
    entries: Sequence[Record],
    data: Callable[[], StudyData],
    tracker: StudyTracker,
    say: Callable[[str], None],
    signals: Signals,
) -> bool:
    """Has a tracker write down what a study found, then its page.

    Args:
        findings: Says it.
        entries: The trials that have ended.
        data: Gives the study as figures see it.
        tracker: Who writes it down.
        say: Tells the person who waits.
        signals: Kept out of what is written, not out of the drawing.

    Returns:
        Whether there is a page.
    """
    with signals.leaving(UNDRAWN):
        with signals.entry():
            tracker.summarize(findings.note(entries), {TABLE: findings.table(entries)})
        report = drawn(data, tracker, say)
        if report:
            with signals.entry():
                tracker.summarize(findings.note(entries, has_report=True), report)
    return bool(report)
