"""The commands a study's note shows: to be copied out of one line of a page into a shell."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from regsearch.tracking.places import DEFAULT, shown, store_options

_FOLDED = re.compile(r"[^\S ]|(?<=\s) |^ | $")  # whitespace that a page does not show as it is


def command(words: Sequence[str]) -> str:
    r"""Returns a command on one line, as a page shows it letter for letter.

    A page folds line breaks and rows of blanks into one blank. A word with any is written with the
    escapes of bash, zsh and POSIX of 2024.

    Example:
        >>> print(command(["regsearch", "report", "it's", "two\nlines"]))
        regsearch report 'it'"'"'s' $'two\nlines'
    """
    return " ".join(map(_word, words))


def _word(text: str) -> str:
    if not _FOLDED.search(text) and text.isprintable():
        return shlex.quote(text)
    marked = re.sub(r"[\\']", r"\\\g<0>", text)
    spelled = _FOLDED.sub(lambda found: _escape(found[0]), marked)
    return f"$'{''.join(c if c.isprintable() else _escape(c) for c in spelled)}'"


def _escape(character: str) -> str:
    if character == "\n":
        return r"\n"
    return "".join(rf"\x{byte:02x}" for byte in character.encode("utf-8", "replace"))


def rerun_command() -> str:
    """Returns the command this process was started with, without the passwords in it."""
    main = sys.modules["__main__"]
    spec = main.__spec__
    start = ["-m", spec.name] if spec is not None else [Path(sys.argv[0]).name]
    return command(["python", *start, *map(shown, sys.argv[1:])])


def report_command(name: str, uri: str = DEFAULT) -> str:
    """Returns the command that draws a study's report.

    Args:
        name: The study's name.
        uri: The tracking URI of the store it is in.
    """
    end = ["--"] if name.startswith("-") else []
    return command(["regsearch", "report", *store_options(uri), *end, name])
