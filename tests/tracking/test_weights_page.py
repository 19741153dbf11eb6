from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
import torch

from regsearch.sparsity import BINS, summarize
from regsearch.tracking.weights_page import MOST_EPOCHS, weights_page
from regsearch.trials import Histogram

HOSTILE = "</script><script>alert('x')</script>\n\"quoted\" & {{data}} \u2028 \ud800"
PARAMS = {"penalty": "l1", "lam": 2.6e-3}


def _series(epochs: int, size: int = 8192, growth: float = 0.02) -> list[tuple[int, Histogram]]:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(size, generator=generator) * 0.1
    weights = [
        torch.nn.functional.softshrink(start * (1 + growth * e), 0.05) for e in range(epochs)
    ]
    return [(e, summarize(w).histogram) for e, w in enumerate(weights)]


def _full(epochs: int) -> list[tuple[int, Histogram]]:
    """Histograms with weights in every bin, the most that a page can have to hold."""
    return [(e, Histogram(tuple(range(10**6, 10**6 + BINS)), 1.0, 123456)) for e in range(epochs)]


def _data(page: str) -> dict[str, Any]:
    found = re.search(r"^const data = (.*);$", page, re.MULTILINE)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


class _Elements(HTMLParser):
    """What a browser would take for elements and for text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_three_layers_and_thirty_epochs_fit_into_thirty_kilobytes() -> None:
    page = weights_page(1234, PARAMS, {f"net.layers.{i}.weight": _full(30) for i in range(3)})
    assert len(page.encode()) <= 30_000


def test_all_layers_epochs_and_zeros_are_in_it() -> None:
    histories = {"net.0.weight": _series(5), "net.2.weight": _series(5, size=640)}
    layers = _data(weights_page(3, PARAMS, histories))["layers"]
    assert [layer["name"] for layer in layers] == list(histories)
    assert [layer["size"] for layer in layers] == [8192, 640]
    for layer, series in zip(layers, histories.values(), strict=True):
        assert layer["steps"] == [0, 1, 2, 3, 4]
        assert layer["zeros"] == [round(h.zeros / layer["size"], 4) for _, h in series]
        assert len(layer["heights"]) == 2 * 5 * layer["bins"]


def test_the_range_is_cut_to_where_weights_are() -> None:
    counts = (0,) * 20 + (1,) * 24 + (0,) * 20
    layer = _data(weights_page(0, PARAMS, {"w": [(0, Histogram(counts, 2.0, 0))]}))["layers"][0]
    assert (layer["bins"], layer["limit"]) == (24, 0.75)


def test_it_asks_no_network_for_anything() -> None:
    page = weights_page(0, PARAMS, {"w": _series(2)})
    assert "http" not in page
    assert not re.search(r"\s(src|href)=", page)


def test_the_trial_is_named() -> None:
    params = {"penalty": "elastic_net", "lam": 2.6e-3, "l1_ratio": 0.42314, "width": 64}
    texts = _Elements(weights_page(12, params, {"w": _series(1)})).texts
    shown = " ".join(" ".join(texts).split())
    assert "Weights of trial 12" in shown
    assert "elastic_net λ 2.6e-03 l1_ratio 0.423 width 64" in shown


def test_names_stay_names() -> None:
    hostile = weights_page(0, {"penalty": HOSTILE, HOSTILE: HOSTILE}, {HOSTILE: _series(2)})
    plain = weights_page(0, {"penalty": "a", "b": "c"}, {"d": _series(2)})
    assert _Elements(hostile).tags == _Elements(plain).tags
    assert _data(hostile)["layers"][0]["name"] == HOSTILE
    assert hostile.encode("utf-8", "replace")


@pytest.mark.parametrize(
    "series",
    [
        _series(1),
        [(0, Histogram((0, 0, 0, 0), 1.0, 5))],
        [(0, Histogram((0, 0), 0.0, 5)), (1, Histogram((1, 1), 0.0, 3))],
        [(0, Histogram((1, 1), 1.0, 0)), (1, Histogram((1, 1, 1), 3.0, 0))],
        [(0, Histogram((), 1.0, 0)), (1, Histogram((3,), 1.0, 0))],
        [(7, Histogram((1, 1), 1e-300, 0)), (7, Histogram((1, 1), 1e300, 0))],
    ],
    ids=["one epoch", "all zero", "no range", "odd ranges", "no bins", "far apart"],
)
def test_odd_histograms_are_drawn(series: list[tuple[int, Histogram]]) -> None:
    layers = _data(weights_page(0, PARAMS, {"odd": series, "usual": _series(3)}))["layers"]
    assert [layer["name"] for layer in layers] == ["odd", "usual"]


@pytest.mark.parametrize("histories", [{}, {"w": []}, {"w": [(0, Histogram((), 1.0, 0))]}])
def test_nothing_gives_no_page(histories: dict[str, list[tuple[int, Histogram]]]) -> None:
    assert weights_page(0, PARAMS, histories) == ""


def test_a_long_training_is_thinned_and_the_page_says_so() -> None:
    page = weights_page(0, PARAMS, {"w": [_series(1)[0]] * 299 + [(299, _series(1)[0][1])]})
    steps = _data(page)["layers"][0]["steps"]
    assert len(steps) == MOST_EPOCHS
    assert steps[-1] == 299
    assert "60 of 300 validation epochs are shown." in page


def test_a_thousand_layers_stay_a_page() -> None:
    series = _full(30)
    page = weights_page(0, PARAMS, {f"block.{i}.weight": series for i in range(1000)})
    assert len(_data(page)["layers"]) == 1000
    assert len(page) < 1_300_000
