"""Text as markdown shows it letter for letter, in a line, in a cell, as code."""

from __future__ import annotations

import html
import re

import pandas as pd

_MARKS = re.compile(r"[\\`*{}\[\]#+!|~]|(?<!\w)_|_(?!\w)")
_TICKS = re.compile(r"`+")


def plain(text: object) -> str:
    r"""Returns any text on one line, with nothing in it that would be markup.

    Example:
        >>> plain("a <b> | *c*\n_d_ elastic_net")
        'a &lt;b&gt; \\| \\*c\\* \\_d\\_ elastic_net'
    """
    line = html.escape(" ".join(str(text).split()), quote=False)
    return _MARKS.sub(r"\\\g<0>", line)


def code(text: object) -> str:
    """Returns any text as code in a line.

    Example:
        >>> code("val_loss"), code("a`b")
        ('`val_loss`', '``a`b``')
    """
    line = " ".join(str(text).split()) or " "
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(line)), default=0))
    gap = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{gap}{line}{gap}{fence}"


def table(frame: pd.DataFrame) -> str:
    """Returns a frame of text as a table."""
    rows = [[plain(cell) for cell in row] for row in [list(frame), *frame.to_numpy().tolist()]]
    lines = [rows[0], ["---"] * len(frame.columns), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
