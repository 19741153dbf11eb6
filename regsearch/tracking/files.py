"""The files of a run: each trial's table, histograms and error, the study's own texts."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

from regsearch.tracking.histograms import archive
from regsearch.tracking.ledger import OpenTrial
from regsearch.tracking.names import artifact
from regsearch.tracking.table import metrics_table
from regsearch.tracking.weights_page import weights_page

METRICS = "metrics.csv"
HISTOGRAMS = "weights/histograms.npz"
WEIGHTS_PAGE = "weights/histograms.html"
ERROR = "error.txt"


def trial_files(trial: OpenTrial, error: str) -> dict[str, bytes]:
    """Returns a finished trial's files by path, those it has something for."""
    files = {
        METRICS: _utf8(metrics_table(trial.rows)) if trial.rows else b"",
        HISTOGRAMS: archive(trial.histograms),
        WEIGHTS_PAGE: _utf8(_page(trial)),
        ERROR: _utf8(error),
    }
    return {name: content for name, content in files.items() if content}


def study_files(texts: Mapping[str, str]) -> dict[str, bytes]:
    """Returns a study's files, under paths that stay below the run's own folder."""
    return {artifact(name): _utf8(content) for name, content in texts.items()}


def _page(trial: OpenTrial) -> str:
    """Returns the page of a trial's weights; without one, all else is shipped all the same."""
    try:
        return weights_page(trial.number, trial.params, trial.histograms)
    except Exception:
        traceback.print_exc()  # where this process keeps its log
        return ""


def _utf8(content: str) -> bytes:
    return content.encode("utf-8", "replace")
