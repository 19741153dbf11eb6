"""What a study's run says of it in MLflow, in markdown."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pandas as pd

from regsearch.search import markdown
from regsearch.search.commands import report_command
from regsearch.search.ending import store_of
from regsearch.search.notes import Findings
from regsearch.search.space import Space
from regsearch.tracking.memory import MemoryTracker
from regsearch.tracking.mlflow import MLflowTracker
from tests.search.tasks import TASK
from tests.search.toys import DB, go, study


def _told(name: str = "toy", **others: object) -> MemoryTracker:
    tracker = MemoryTracker()
    go(study(6, name=name, storage=DB, **others), tracker=tracker)
    return tracker


def test_the_note_says_all_there_is_to_say() -> None:
    extra = {
        "width": optuna.distributions.IntDistribution(8, 64),
        "act": optuna.distributions.CategoricalDistribution(["a|b", None, 0.5]),
        "lr": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    }
    tracker = _told(space=Space(extra=extra), pruner=None)
    before, after = tracker.study.note, tracker.note
    assert "gives the lowest `val_loss`?" in before
    assert "- none: λ = 0, the baseline" in before
    assert "- `l1_ratio`: from 0.05 to 0.95" in before
    assert "- `width`: from 8 to 64\n" in before
    assert r"- `act`: in a\|b, None, 0.5" in before
    assert "- `lr`: from 0.0001 to 0.1, log-uniform" in before
    assert "Model: `tasks.no_module`, data: `tasks.no_data`, at most 10 epochs a trial." in before
    assert "> A task that nobody trains" in before  # the docstring of the file with the data
    assert after.startswith("# toy\n\n")
    assert before in after
    assert "| none | 0 |" in after
    assert "6 trials: 6 complete, 0 pruned, 0 failed.\n" in after
    assert "`python -m pytest" in after or "`python " in after
    assert f"in `{DB}`" in after
    assert "`regsearch report toy`" in after


def test_names_are_shown_letter_for_letter() -> None:
    name = "<script>`a`</script> | *b*\n# c"
    tracker = _told(name, task=replace(TASK, monitor="val_loss"))
    lines = tracker.note.splitlines()
    assert lines[0] == r"# &lt;script&gt;\`a\`&lt;/script&gt; \| \*b\* \# c"
    assert "<script>" not in tracker.note.replace(markdown.code(report_command(name)), "")


def test_a_table_keeps_its_cells() -> None:
    frame = pd.DataFrame({"a|b": ["x|y", "two\nlines"], "c": ["", "<i>"]})
    assert markdown.table(frame).splitlines() == [
        r"| a\|b | c |",
        "| --- | --- |",
        r"| x\|y |  |",
        "| two lines | &lt;i&gt; |",
    ]


def test_the_note_names_the_store_it_is_in() -> None:
    here = store_of(MLflowTracker("sqlite:///mlflow.db"))
    assert "`regsearch report toy`" in _findings(here).note([])
    there = store_of(MLflowTracker("http://me:secret@host:5000"))
    shown = "`regsearch report --tracking-uri http://USER:PASSWORD@host:5000 toy`"
    assert shown in _findings(there).note([])
    assert "`regsearch report toy`" in _findings(store_of(MemoryTracker())).note([])


def _findings(uri: str) -> Findings:
    return Findings("toy", TASK, Space(), DB, uri)
