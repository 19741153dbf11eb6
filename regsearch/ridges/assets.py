"""The style sheets, scripts and templates beside this file, and how a page is filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def asset(name: str) -> str:
    """Returns a file of this package without indentation, empty lines and one-line comments."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*")))


def joined(*names: str) -> str:
    """Returns several files, one after the other."""
    return "\n".join(map(asset, names))


def filled(template: str, values: Mapping[str, str]) -> str:
    """Returns the template with each `{{name}}` replaced; what a value holds is left as it is."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)
