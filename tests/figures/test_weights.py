from __future__ import annotations

import dataclasses

import pytest
from plotly.graph_objects import Figure

from regsearch.figures.data import StudyData
from regsearch.figures.weights import MOST_PANELS, weights_by_epoch, weights_by_lambda
from tests.figures.synthetic import HOSTILE, ODD, study


def _ridges(figure: Figure) -> list[object]:
    return [trace for trace in figure.data if trace.fill == "toself"]


def _labels(figure: Figure) -> list[str]:
    return list(figure.layout.yaxis.ticktext)


def _with_layers(layers: int) -> StudyData:
    return study(trials=12, layers={f"block.{i}.weight": 40 for i in range(layers)})


def test_by_lambda_every_trial_has_a_lane_in_every_layer() -> None:
    figure = weights_by_lambda(study())
    assert len(_ridges(figure)) == 12 * 3
    assert _labels(figure)[0] == "none"
    strengths = [float(label) for label in _labels(figure)[1:]]
    assert strengths == sorted(strengths)


def test_by_epoch_the_best_trial_s_last_epoch_is_in_front() -> None:
    data = study()
    figure = weights_by_epoch(data)
    assert len(_ridges(figure)) == 5 * 3
    assert _labels(figure) == ["4", "3", "2", "1", "0"]
    assert figure.layout.yaxis.title.text.startswith("validation epoch<br>#")


def test_by_epoch_any_trial_can_be_asked_for() -> None:
    assert "#2 " in weights_by_epoch(study(), 2).layout.yaxis.title.text
    missing = weights_by_epoch(study(), 39)
    assert missing.layout.annotations[0].text == "Trial 39 has no histograms."


def test_where_no_trial_is_complete_the_last_one_is_drawn() -> None:
    figure = weights_by_epoch(ODD["all running"]())
    assert figure.layout.yaxis.title.text.startswith("validation epoch<br>#11 ")


@pytest.mark.parametrize("layers", [1, 2, 3, 100])
def test_no_more_panels_than_can_be_read(layers: int) -> None:
    data = _with_layers(layers)
    panels = min(layers, MOST_PANELS)
    assert len(_ridges(weights_by_lambda(data))) == 12 * panels
    assert len(_ridges(weights_by_epoch(data))) == 5 * panels


def test_what_is_left_out_is_said() -> None:
    title = weights_by_lambda(_with_layers(100)).layout.xaxis.title.text
    assert "3 of 100 layers" in title


@pytest.mark.parametrize("name", [*ODD])
@pytest.mark.parametrize("draw", [weights_by_lambda, weights_by_epoch])
def test_odd_studies_give_a_figure(draw: type[Figure], name: str) -> None:
    data = ODD[name]()
    figure = draw(data)
    assert isinstance(figure, Figure)
    assert "<script" not in figure.to_json().replace("\\u003c", "<")
    if not data.weights:
        assert "No trial" in figure.layout.annotations[0].text


def test_zeros_are_written_at_the_right() -> None:
    data = study(trials=1)
    sparse = {
        name: dataclasses.replace(history, zeros=history.counts.sum(axis=1))
        for name, history in data.weights[0].items()
    }
    figure = weights_by_epoch(dataclasses.replace(data, weights={0: sparse}), 0)
    [texts, *_] = [trace.text for trace in figure.data if trace.mode == "text"]
    assert list(texts) == ["50%"] * 5 + ["zeros"]


def test_names_stay_names() -> None:
    figure = weights_by_lambda(ODD["hostile names"]())
    titles = [annotation.text for annotation in figure.layout.annotations]
    assert titles
    assert not any("<" in title for title in titles)
    assert HOSTILE not in figure.to_json()
