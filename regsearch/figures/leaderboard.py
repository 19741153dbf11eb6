"""The trials as a ranked table of HTML: what the figures show, in numbers."""

from __future__ import annotations

import html
from collections.abc import Sequence

from regsearch.figures.data import StudyData
from regsearch.figures.labels import measured, number, share, shortened, strength
from regsearch.figures.ranking import SPARSITY, Row, best_of_kinds, complete, rows_of, table
from regsearch.figures.savings import epochs_of
from regsearch.figures.theme import penalty_color, tint

MOST = 100


def leaderboard(data: StudyData) -> str:
    """Returns a table of the best trials; "" if none is complete."""
    frame = table(data)
    rows = complete(frame)
    if rows.empty:
        return ""
    first_of_kind = set(best_of_kinds(frame)["number"])
    epochs = epochs_of(data).set_index("number")["epochs"].to_dict()
    extras = [name for name in data.extras if name in rows]
    head = [
        "",
        "trial",
        "penalty",
        shortened(data.monitor, 28),
        "λ",
        "l1_ratio",
        "zero weights",
        *(shortened(name, 24) for name in extras),
        "validation epochs",
    ]
    body = [
        _row(place, row, extras, epochs.get(row["number"]), row["number"] in first_of_kind)
        for place, row in enumerate(rows_of(rows.head(MOST)), start=1)
    ]
    titles = f"<thead><tr>{_cells(head, 'th')}</tr></thead>"
    return f"<table>{titles}<tbody>{''.join(body)}</tbody></table>"


def note(data: StudyData) -> str:
    """Says how many of the complete trials the table has; "" if all."""
    found = len(complete(table(data)))
    return f" The best {MOST} of {found:,} complete trials." if found > MOST else ""


def _row(place: int, row: Row, extras: Sequence[str], epochs: object, is_first: bool) -> str:
    kind, lam = str(row["penalty"]), row["lam"]
    chip = f'<i class="chip" style="{tint(penalty_color(kind))}"></i>'
    settings = [
        measured(row["value"]),
        strength(lam) if isinstance(lam, float) and lam == lam else "–",
        number(row["l1_ratio"], 2),
        share(row[SPARSITY]),
        *(_extra(row[name]) for name in extras),
        "–" if epochs is None else epochs,
    ]
    first = _cells([place, f"#{row['number']}"])
    named = f"<td>{chip}{html.escape(shortened(kind, 24))}</td>"
    mark = ' class="first"' if is_first else ""
    return f"<tr{mark}>{first}{named}{_cells(settings)}</tr>"


def _extra(value: object) -> str:
    return number(value, 3) if isinstance(value, float) else shortened(value, 24)


def _cells(cells: Sequence[object], tag: str = "td") -> str:
    return "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
