"""The collector rests inside and is what it was afterwards."""

from __future__ import annotations

import gc

import pytest

from regsearch.figures.garbage import uncollected


def test_nothing_is_collected_inside() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(KeyError, match="inside"), uncollected():
        raise KeyError("inside")
    assert gc.isenabled()


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
