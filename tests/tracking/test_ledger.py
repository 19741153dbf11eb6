from __future__ import annotations

from regsearch.tracking import events
from regsearch.tracking.base import StudyCard
from regsearch.tracking.ledger import Ledger
from regsearch.trials import Direction, Histogram, Outcome, Report, Trial


def _ledger(direction: Direction = "minimize", best: float | None = None) -> Ledger:
    ledger = Ledger(best)
    card = StudyCard("s", "val_loss", direction, 3)
    ledger.note(events.opened("session", "uri", "experiment", card))
    return ledger


def _run(ledger: Ledger, number: int, outcome: Outcome) -> None:
    ledger.note(events.started(Trial(number, {}, seed=0)))
    ledger.note(events.finished(outcome))


def test_an_open_trial_gathers_its_reports_until_it_ends() -> None:
    ledger = _ledger()
    histogram = Histogram((1, 2), 1.0, 3)
    ledger.note(events.started(Trial(4, {"lam": 0.1}, seed=0)))
    ledger.note(events.reported(Report(4, 0, {"val_loss": 0.5}, {"w": histogram})))
    ledger.note(events.reported(Report(5, 0, {"val_loss": 0.5})))
    (trial,) = ledger.open.values()
    assert trial.rows == [(0, {"val_loss": 0.5})]
    assert trial.histograms == {"w": [(0, histogram)]}
    ledger.note(events.finished(Outcome(4, "complete", 0.5)))
    assert ledger.open == {}


def test_the_best_is_that_of_complete_trials() -> None:
    ledger = _ledger()
    _run(ledger, 0, Outcome(0, "complete", 0.5))
    _run(ledger, 3, Outcome(3, "pruned", 0.1))
    _run(ledger, 1, Outcome(1, "complete", float("nan")))
    _run(ledger, 2, Outcome(2, "complete", 0.75))
    assert (ledger.best, ledger.highest) == (0.5, 2)


def test_the_best_counts_from_earlier_sessions_and_both_ways() -> None:
    ledger = _ledger("maximize", best=0.25)
    _run(ledger, 0, Outcome(0, "complete", 0.125))
    assert ledger.best == 0.25
    _run(ledger, 1, Outcome(1, "complete", 0.5))
    assert ledger.best == 0.5


def test_a_new_attempt_starts_afresh() -> None:
    ledger = _ledger()
    ledger.note(events.started(Trial(0, {}, seed=0)))
    ledger.note(events.reported(Report(0, 0, {})))
    ledger.note(events.started(Trial(0, {}, seed=0)))
    assert len(ledger.open[0].rows) == 1
    ledger.note(events.started(Trial(0, {}, seed=0, attempt=1)))
    assert ledger.open[0].rows == []
