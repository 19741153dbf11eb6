from __future__ import annotations

import logging
import warnings

import pytest

from regsearch.tracking.trouble import TrackingWarning, Trouble


def test_each_kind_is_said_once() -> None:
    trouble = Trouble()
    with pytest.warns(TrackingWarning, match="first"):
        trouble.say("disk", "first")
    trouble.say("disk", "second")  # a warning would be an error here
    with pytest.warns(TrackingWarning, match="third"):
        trouble.say("store", "third")


def test_it_is_logged_where_warnings_are_errors(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING, "regsearch"):
        warnings.simplefilter("error")
        Trouble().say("disk", "full")
    assert caplog.messages == ["full"]
