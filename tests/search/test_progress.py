from __future__ import annotations

import io

from rich.console import Console

from regsearch.search.progress import Bar, Lines, shown
from regsearch.search.tally import Tally
from regsearch.trials import Outcome, Trial


def tally() -> Tally:
    return Tally([], "minimize")


def test_a_terminal_gets_a_bar() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    bar = shown(console, tally(), 2)
    assert isinstance(bar, Bar)
    bar.start(Trial(0, {"penalty": "l1", "lam": 0.01}, seed=0))
    bar.finish(Outcome(0, "complete", 0.25))
    bar.finish(Outcome(1, "pruned", None))
    bar.finish(Outcome(2, "failed", None))
    bar.close()
    assert "1 pruned, 1 failed, best 0.25 (#0 l1 1.0e-02)" in screen.getvalue()
    assert "2/2" in screen.getvalue()


def test_a_file_gets_few_lines() -> None:
    log = io.StringIO()
    lines = shown(Console(file=log, width=40), tally(), 1000)
    assert isinstance(lines, Lines)
    for number in range(1000):
        lines.start(Trial(number, {"penalty": "none", "lam": 0.0}, seed=0))
        lines.finish(Outcome(number, "complete", 1000.0 - number))
    lines.close()
    printed = log.getvalue().splitlines()
    assert len(printed) == 20
    assert printed[-1] == "1000/1000 trials: 0 pruned, 0 failed, best 1 (#999 none)"


def test_more_may_be_better() -> None:
    count = Tally([], "maximize")
    for number, value in enumerate([0.5, 0.75, 0.25]):
        count.start(Trial(number, {"penalty": "l2", "lam": 1e-3}, seed=0))
        count.finish(Outcome(number, "complete", value))
    assert str(count) == "0 pruned, 0 failed, best 0.75 (#1 l2 1.0e-03)"
