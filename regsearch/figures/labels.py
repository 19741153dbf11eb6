"""Words and numbers on figures: names that cannot turn into markup, numbers a person can read."""

from __future__ import annotations

import html
import math
from typing import Any

LONGEST = 60


def plain(text: object, longest: int = LONGEST) -> str:
    r"""Returns any text as Plotly shows it letter for letter, on one line.

    Plotly reads a little HTML, and `%{...}` as a field of its data.

    Example:
        >>> plain("a<b>\n%{x}")
        'a&lt;b&gt; &#37;{x}'
    """
    return html.escape(shortened(text, longest), quote=False).replace("%{", "&#37;{")


def shortened(text: object, longest: int = LONGEST) -> str:
    """Returns a text on one line, cut where it is too long.

    Example:
        >>> shortened("a long name", longest=6)
        'a lon…'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def ending(text: object, longest: int) -> str:
    """Returns a parameter's name as `plain` does, cut at its beginning where it is too long.

    Example:
        >>> ending("encoder.layers.3.weight", 12)
        '…rs.3.weight'
    """
    line = " ".join(str(text).split())
    kept = line if len(line) <= longest else f"…{line[1 - longest :]}"
    return plain(kept, longest)


def number(value: Any, digits: int = 4) -> str:
    """Returns a number with so many significant digits; a dash where there is none.

    Example:
        >>> number(0.123456), number(1234567.0), number(float("nan")), number(12)
        ('0.1235', '1.235e+06', '–', '12')
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}g}"


def measured(value: Any) -> str:
    """Returns a metric's value with four digits, zeros at the end among them.

    Example:
        >>> measured(0.127), measured(12345.6), measured(None)
        ('0.1270', '1.235e+04', '–')
    """
    return "–" if number(value) == "–" else f"{value:#.4g}"


def strength(lam: float) -> str:
    """Returns a λ as it stands in names of runs.

    Example:
        >>> strength(0.0026), strength(0.0)
        ('2.6e-03', '0')
    """
    return f"{lam:.1e}" if lam else "0"


def share(value: Any) -> str:
    """Returns a share as a percentage; near none and near all with more digits.

    Example:
        >>> share(0.5), share(0.0004), share(0.9996), share(0.999996), share(None)
        ('50%', '0.04%', '99.96%', '99.9996%', '–')
    """
    if number(value) == "–":
        return "–"
    percent = 100 * value
    to_an_end = round(min(percent, 100 - percent), 9)
    if not 0 < to_an_end < 1:
        return f"{percent:.0f}%"
    return f"{percent:.{max(2, math.ceil(-math.log10(to_an_end)))}f}%"


def power(exponent: int) -> str:
    """Returns a power of ten as Plotly sets it.

    Example:
        >>> power(-4)
        '10<sup>−4</sup>'
    """
    return f"10<sup>{str(exponent).replace('-', '−')}</sup>"


def count(n: int, noun: str) -> str:
    """Returns how many of something there are.

    Example:
        >>> count(1, "trial"), count(1200, "trial")
        ('1 trial', '1,200 trials')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def duration(seconds: float) -> str:
    """Returns a time in the two largest of its units.

    Example:
        >>> duration(7.25), duration(75), duration(3725)
        ('7.2 s', '1 min 15 s', '1 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"
