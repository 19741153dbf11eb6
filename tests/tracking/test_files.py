from __future__ import annotations

import pytest

from regsearch.tracking.files import ERROR, HISTOGRAMS, METRICS, WEIGHTS_PAGE, trial_files
from regsearch.tracking.ledger import OpenTrial
from regsearch.trials import Histogram


def _trial(histogram: Histogram) -> OpenTrial:
    params = {"penalty": "l1", "lam": 1e-3}
    return OpenTrial(4, 0, params, 0, [(0, {"val_loss": 0.5})], {"net.weight": [(0, histogram)]})


def test_a_trial_has_its_table_its_histograms_and_their_page() -> None:
    files = trial_files(_trial(Histogram((1, 2), 1.0, 3)), "")
    assert set(files) == {METRICS, HISTOGRAMS, WEIGHTS_PAGE}
    assert b"net.weight" in files[WEIGHTS_PAGE]
    assert files[METRICS].startswith(b"step,val_loss")


def test_what_there_is_nothing_for_is_left_out() -> None:
    assert trial_files(OpenTrial(0, 0, {}, 0), "") == {}


def test_a_page_that_cannot_be_made_takes_nothing_else_with_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken = Histogram((1, 2), float("nan"), 3)
    files = trial_files(_trial(broken), "RuntimeError: out of memory")
    assert {METRICS, ERROR} <= set(files)
    assert WEIGHTS_PAGE not in files
    assert "Traceback" in capfd.readouterr().err
