from __future__ import annotations

import numpy as np
import pytest

from regsearch.figures.timeline import lanes, timeline
from tests.figures.synthetic import ODD, study


def test_trials_of_a_lane_do_not_overlap_and_lanes_are_no_more_than_needed() -> None:
    generator = np.random.default_rng(0)
    starts = np.sort(generator.uniform(0, 100, 60))
    lengths = generator.uniform(1, 10, 60)
    taken = np.array(lanes(starts.tolist(), lengths.tolist()))
    for lane in range(taken.max() + 1):
        begins, ends = starts[taken == lane], (starts + lengths)[taken == lane]
        assert (begins[1:] >= ends[:-1] - 0.2).all()
    running = [int(((starts <= at) & (starts + lengths > at)).sum()) for at in starts]
    assert taken.max() + 1 <= max(running)


def test_two_workers_have_two_lanes() -> None:
    figure = timeline(study())
    assert {lane for trace in figure.data for lane in trace.y} == {0, 1}


def test_running_trials_reach_the_end() -> None:
    data = ODD["all running"]()
    data.trials["seconds"] = np.nan
    figure = timeline(data)
    ends = [base + x for trace in figure.data for base, x in zip(trace.base, trace.x, strict=True)]
    assert np.ptp(ends) < 1e-9


def test_without_clocks_it_says_so() -> None:
    assert not timeline(ODD["columns missing"]()).data


@pytest.mark.parametrize(("trials", "edge"), [(40, True), (400, False)])
def test_so_many_bars_that_edges_would_hide_them_have_none(trials: int, edge: bool) -> None:
    widths = {
        trace.marker.line.width > 0 for trace in timeline(study(trials=trials, epochs=2)).data
    }
    assert widths == {edge}
