"""Who trained what when: the trials as bars on as many lanes as ran at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from plotly.graph_objects import Bar, Figure

from regsearch.figures.axes import with_note
from regsearch.figures.data import StudyData
from regsearch.figures.labels import duration, plain
from regsearch.figures.points import descriptions
from regsearch.figures.ranking import kinds, table
from regsearch.figures.theme import PAPER, canvas, faded, nothing, penalty_color

_PATTERNS = {"pruned": "/", "failed": "x", "running": "."}
_EDGE = 0.6  # pixels of paper around a bar
_MANY = 100  # bars on a lane: with edges there would be nothing but these
_UNITS = (("s", 1.0, 180.0), ("min", 60.0, 180.0 * 60), ("h", 3600.0, float("inf")))


def timeline(data: StudyData) -> Figure:
    """Returns a bar for each trial from its start to its end; gaps are idle lanes."""
    frame = table(data).dropna(subset=["started"]).sort_values(["started", "number"])
    if frame.empty:
        return nothing("When the trials began was not recorded.")
    ends = frame["started"] + frame["seconds"].fillna(0)
    until = float(max(ends.max(), frame["started"].max()))
    running = frame["seconds"].isna() & (frame["state"] == "running")
    frame["seconds"] = frame["seconds"].where(~running, until - frame["started"]).fillna(0.0)
    frame["lane"] = lanes(frame["started"].tolist(), frame["seconds"].tolist())
    unit, size = _unit(until)
    count = int(frame["lane"].max()) + 1
    figure = canvas(height=int(np.clip(146 + 30 * count, 196, 560)))
    edge = _EDGE if len(frame) <= _MANY * count else 0.0
    named: set[str] = set()
    for kind in kinds(frame):
        for state in ("complete", *_PATTERNS):
            rows = frame[(frame["penalty"] == kind) & (frame["state"] == state)]
            if len(rows):
                trace = _bars(data, rows, size, is_named=kind not in named)
                figure.add_trace(trace.update(marker_line_width=edge))
                named.add(kind)
    figure.update_layout(barmode="overlay", bargap=0.15)
    busy = float(frame["seconds"].sum()) / (until * count) if until else 0.0
    figure.update_xaxes(
        title_text=with_note(
            f"time since the first trial began ({unit})", f"lanes were busy {busy:.0%}"
        )
    )
    figure.update_yaxes(title_text="lane", **_lane_ticks(count))
    return figure


def lanes(starts: Sequence[float], lengths: Sequence[float]) -> list[int]:
    """Returns a lane for each of the trials, by rising start: the first that is free.

    A trial may begin a little before the clock says that the one before it has ended.

    Example:
        >>> lanes([0, 0, 5, 6], [5, 10, 2, 1])
        [0, 1, 0, 2]
    """
    free: list[float] = []
    taken = []
    for start, length in zip(starts, lengths, strict=True):
        slack = 0.02 * length
        lane = next((i for i, end in enumerate(free) if end <= start + slack), len(free))
        free[lane : lane + 1] = [start + length]
        taken.append(lane)
    return taken


def _unit(seconds: float) -> tuple[str, float]:
    return next((name, size) for name, size, most in _UNITS if seconds <= most)


def _bars(data: StudyData, rows: pd.DataFrame, size: float, *, is_named: bool) -> Bar:
    kind, state = str(rows["penalty"].iloc[0]), str(rows["state"].iloc[0])
    color = penalty_color(kind)
    told = [
        f"{text}<br>took {duration(seconds)}"
        for text, seconds in zip(descriptions(data, rows), rows["seconds"], strict=True)
    ]
    return Bar(
        base=rows["started"] / size,
        x=rows["seconds"] / size,
        y=rows["lane"],
        orientation="h",
        name=plain(kind, 24),
        legendgroup=kind,
        showlegend=is_named,
        marker={
            "color": color if state == "complete" else faded(color, 0.35),
            "line": {"color": PAPER},
            "pattern": {"shape": _PATTERNS.get(state, ""), "size": 5, "solidity": 0.25},
        },
        hovertext=told,
        hoverinfo="text",
    )


def _lane_ticks(count: int) -> dict[str, object]:
    every = -(-count // 12)
    shown = list(range(0, count, every))
    return {
        "tickvals": shown,
        "ticktext": [str(lane + 1) for lane in shown],
        "range": [count - 0.5, -0.5],
        "showgrid": False,
    }
