"""How much each hyperparameter moved the monitored metric."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from plotly.graph_objects import Bar, Figure

from regsearch.figures.data import StudyData
from regsearch.figures.labels import count, plain, share
from regsearch.figures.ranking import complete, table
from regsearch.figures.theme import canvas, nothing

FEWEST = 8  # of fewer, chance decides
_BAR = "#5b7c99"


def importance(data: StudyData, scores: pd.Series | None = None) -> Figure:
    """Returns a bar for each hyperparameter, the most important one on top.

    Args:
        data: The study.
        scores: Importance by the hyperparameter's name; None for Optuna's own.
    """
    done = complete(table(data))
    if len(done) < FEWEST:
        return nothing(f"Importance needs at least {FEWEST} complete trials.")
    found = (_optunas(data) if scores is None else scores).dropna().sort_values()
    if found.empty or found.sum() <= 0:
        return nothing("No hyperparameter varied, so none is more important than another.")
    figure = canvas(height=max(400, 110 + 44 * len(found)))
    figure.add_trace(
        Bar(
            x=found.to_numpy(),
            y=["λ" if name == "lam" else plain(name, 24) for name in found.index],
            orientation="h",
            marker={"color": _BAR},
            width=min(0.6, 0.14 * len(found)),
            text=[share(float(value)) for value in found],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    title = f"importance, of {count(len(done), 'trial')}"
    figure.update_xaxes(title_text=title, tickformat=".0%", range=[0, 1.15 * float(found.max())])
    return figure


def _optunas(data: StudyData) -> pd.Series:
    from regsearch.figures.frames_importance import (
        importances,
    )  # Optuna, for those who have not loaded it

    frame = table(data)
    extras = tuple(name for name in data.extras if name in frame)
    return importances(replace(data, trials=frame, extras=extras))
