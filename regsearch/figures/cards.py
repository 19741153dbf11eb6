"""A study in a few numbers: what stands at the top of its page."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from regsearch.figures.data import StudyData
from regsearch.figures.labels import count, duration, measured, number, share, shortened, strength
from regsearch.figures.ranking import SPARSITY, complete, sign, table
from regsearch.figures.savings import savings_of
from regsearch.figures.theme import penalty_color

_STATES = ("complete", "pruned", "failed", "running")


@dataclass(frozen=True)
class Card:
    """One number and what it means; raw text.

    Attributes:
        label: What it is.
        value: The number.
        detail: Where it comes from, in one line.
        color: The colour of its edge; "" for the page's own.
    """

    label: str
    value: str
    detail: str
    color: str = ""


def cards_of(data: StudyData) -> list[Card]:
    """Returns the cards that the study has numbers for, the best value first."""
    frame = table(data)
    done = complete(frame)
    free = done[done["lam"] == 0].head(1)
    found = [_best(data, done), *_gain(data, done, free), *_sparsest(data, done, free)]
    return [*found, _trials(frame), *_saved(data)]


def summary(data: StudyData) -> str:
    """Returns what was searched and how long it took, in one line of raw text."""
    frame = table(data)
    goal = f"{data.direction}s {shortened(data.monitor)}"
    busy = busy_seconds(frame)
    took = f"took {duration(busy)}" if busy > 0 else ""
    return " · ".join(part for part in (goal, count(len(frame), "trial"), took) if part)


def busy_seconds(frame: pd.DataFrame) -> float:
    """Returns for how long some trial ran: not the nights between two starts of a study."""
    begun, total, until = frame[["started", "seconds"]].dropna().sort_values("started"), 0.0, 0.0
    for started, seconds in begun.itertuples(index=False):
        total += max(0.0, started + seconds - max(started, until))
        until = max(until, started + seconds)
    return total


def setting_line(row: pd.Series) -> str:
    """Returns a trial's number, kind and λ as raw text."""
    lam = f", λ {strength(row['lam'])}" if row["lam"] > 0 else ""
    ratio = f", l1_ratio {number(row['l1_ratio'], 2)}" if row["l1_ratio"] == row["l1_ratio"] else ""
    return f"#{row['number']} {shortened(row['penalty'], 24)}{lam}{ratio}"


def _best(data: StudyData, done: pd.DataFrame) -> Card:
    label = f"Best {shortened(data.monitor, 28)}"
    if done.empty:
        return Card(label, "–", "no trial is complete yet")
    best = done.iloc[0]
    zeros = f", {share(best[SPARSITY])} zero" if best[SPARSITY] == best[SPARSITY] else ""
    color = penalty_color(str(best["penalty"]))
    return Card(label, measured(float(best["value"])), setting_line(best) + zeros, color)


def _gain(data: StudyData, done: pd.DataFrame, free: pd.DataFrame) -> list[Card]:
    if free.empty or len(free) == len(done["lam"].unique()):
        return []
    best, base = float(done["value"].iloc[0]), float(free["value"].iloc[0])
    if best == base:
        return [Card("Against no penalty", "none better", "no penalty is as good as any")]
    word = "lower" if sign(data) > 0 else "higher"
    moved = f"{share(abs(best - base) / abs(base))} {word}" if base else ""
    detail = f"{measured(base)} without a penalty, {measured(best)} with the best one"
    return [Card("Against no penalty", moved or number(best - base), detail)]


def _sparsest(data: StudyData, done: pd.DataFrame, free: pd.DataFrame) -> list[Card]:
    """Returns how sparse a model can be that is no worse than one without a penalty."""
    if free.empty:
        return []
    good = done[(done["cost"] <= float(free["cost"].iloc[0])) & (done[SPARSITY] > 0)]
    if good.empty:
        return []
    row = good.sort_values(SPARSITY, ascending=False, kind="stable").iloc[0]
    detail = f"{setting_line(row)}: {measured(float(row['value']))}"
    color = penalty_color(str(row["penalty"]))
    return [
        Card(
            "Zeros for free",
            share(float(row[SPARSITY])),
            f"no worse than no penalty: {detail}",
            color,
        )
    ]


def _trials(frame: pd.DataFrame) -> Card:
    counts = frame["state"].value_counts()
    parts = [f"{counts[state]:,} {state}" for state in _STATES if state in counts]
    return Card("Trials", f"{len(frame):,}", ", ".join(parts) or "none yet")


def _saved(data: StudyData) -> list[Card]:
    found = savings_of(data)
    if not found.share:
        return []
    detail = f"of {found.planned:,} validation epochs not trained"
    return [Card("Saved by pruning", share(found.share), detail)]
