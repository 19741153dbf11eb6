"""The laws that penalties, engines and trackers obey, for those who write their own.

Subclass one in a test file and say how the object under test is made.
"""

from regsearch.testing.engines import EngineLaws
from regsearch.testing.penalties import PenaltyLaws
from regsearch.testing.trackers import TrackerLaws

__all__ = ["EngineLaws", "PenaltyLaws", "TrackerLaws"]
