from __future__ import annotations

import pytest

from regsearch.tracking.base import StudyCard
from regsearch.tracking.names import key
from regsearch.tracking.saved_views import LONGEST, envelope
from regsearch.tracking.views import MOST_LAYERS, View, overview_id, picked, views_of
from regsearch.tracking.vocabulary import Vocabulary
from tests.tracking.golden_views import CARD, FILE, text, vocabulary


def _charts(view: View, kind: str) -> list[dict[str, object]]:
    return [chart for chart in view.state["compareRunCharts"] if chart["type"] == kind]


def test_they_are_those_that_were_seen_in_a_browser() -> None:
    """Meant to change? Look at the views, then `python -m tests.tracking.golden_views`."""
    assert text(views_of(CARD, vocabulary())) == FILE.read_text(encoding="utf-8")


def test_each_study_has_its_own_and_studies_of_a_monitor_share_one() -> None:
    cards = [CARD, StudyCard("other", "val_loss", "minimize", 1)]
    ids = [[view.id for view in views_of(card, vocabulary())] for card in cards]
    assert ids[0][:3] != ids[1][:3]
    assert ids[0][3] == ids[1][3]
    assert ids[0][0] == overview_id("digits")
    maximized = views_of(StudyCard("digits", "val_loss", "maximize", 1), vocabulary())
    assert maximized[3].id != ids[0][3]
    assert not maximized[0].state["orderByAsc"]


@pytest.mark.parametrize("n_layers", [1, 12, 13, 400])
def test_however_many_layers_there_are_they_fit(n_layers: int) -> None:
    views = views_of(CARD, vocabulary(n_layers))
    assert max(len(envelope(view, 10**13)) for view in views) < LONGEST
    shown = len(_charts(views[1], "LINE"))
    assert shown == 3 * min(n_layers, MOST_LAYERS)
    titles = [section["name"] for section in views[1].state["compareRunSections"][:3]]
    said = n_layers > MOST_LAYERS
    assert all((f"{MOST_LAYERS} of {n_layers} layers" in title) == said for title in titles)


def test_picked_layers_run_from_the_first_to_the_last() -> None:
    names = [str(i) for i in range(100)]
    found = picked(names, 12)
    assert (found[0], found[-1], len(set(found))) == ("0", "99", 12)
    assert sorted(found, key=int) == found


def test_what_only_some_trials_have_takes_no_run_off_the_parallel_coordinates() -> None:
    overview = views_of(CARD, vocabulary())[0]
    (chart,) = _charts(overview, "PARALLEL")
    assert chart["selectedParams"] == ["penalty", "log10_lam", "lr"]
    seen = vocabulary()
    seen.note({"kind": "start", "params": {"penalty": "l1", "lam": 0.1}})
    (chart,) = _charts(views_of(CARD, seen)[0], "PARALLEL")
    assert chart["selectedParams"] == ["penalty", "log10_lam"]


def test_without_elastic_nets_there_is_no_contour() -> None:
    seen = Vocabulary()
    seen.note({"kind": "start", "params": {"penalty": "l1", "lam": 0.1}})
    seen.note({"kind": "report", "metrics": {"val_loss": 1.0}, "histograms": {}})
    overview = views_of(CARD, seen)[0]
    assert _charts(overview, "CONTOUR") == []
    assert "params.`l1_ratio`" not in overview.state["selectedColumns"]


def test_names_are_those_that_mlflow_stores() -> None:
    seen, odd = Vocabulary(), "a[0]<b>"
    seen.note({"kind": "start", "params": {"penalty": "l1", "lam": 0.1, odd: 1}})
    metrics = {odd: 1.0, f"sparsity/{odd}": 0.5, f"weight_norm/{odd}": 0.5}
    seen.note({"kind": "report", "metrics": metrics, "histograms": {odd: None}})
    overview, weights, *_ = views_of(StudyCard("a\nb" * 50, odd, "minimize", 1), seen)
    assert overview.state["orderByKey"] == f"metrics.`{key(odd)}`"
    assert "\n" not in overview.name
    assert len(overview.name) < 80
    keys = {chart.get("metricKey") for chart in weights.state["compareRunCharts"]}
    assert {key(f"sparsity/{odd}"), key(f"weight_norm/{odd}")} <= keys


@pytest.mark.parametrize(
    ("values", "spreads"),
    [
        ((0.1, 2.0), True),
        ((0.1, 0.5), False),
        ((-0.1, 2.0), False),
        ((0.0, 0.1, 2.0), True),
        ((1e-30, 1.0), False),
        ((float("nan"), float("inf")), False),
        ((0.0,), False),
    ],
)
def test_axes_are_logarithmic_where_that_shows_more(
    values: tuple[float, ...], spreads: bool
) -> None:
    seen = Vocabulary()
    for value in values:
        seen.note({"kind": "report", "metrics": {"m": value}, "histograms": {}})
    assert seen.spreads("m") == spreads
