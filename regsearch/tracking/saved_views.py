"""Puts views onto an experiment, and leaves alone what people made of them.

MLflow keeps a saved view as a tag of the experiment: a name, a time that sorts the menu, and the
page's state, compressed. Nothing documents that, so it is done for the versions it was seen in.
What is put there carries a checksum of itself: a view that somebody changed no longer matches it
and is never written again. One that was deleted comes back when its study goes on.

    mlflow.sharedViewState.<id> = {"name", "createdAt", "state": "deflate;...", "regsearch"}

MLflow's menu takes 40 views; beyond `MOST` the oldest ones that nobody changed make room.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from regsearch.tracking.answers import Refused
from regsearch.tracking.names import checksum
from regsearch.tracking.store import Store
from regsearch.tracking.views import PREFIX, View

VERSIONS = ((3, 15), (3, 16), (3, 17))
TAG = "mlflow.sharedViewState."
LONGEST = 20_000
MOST = 30


def install(store: Store, views: Sequence[View], time: int) -> str:
    """Puts a study's views onto the store's experiment.

    Args:
        store: The experiment.
        views: The study's views, the first one first.
        time: Now, in milliseconds.

    Returns:
        Why it was not done, or not in full; "" if it was.

    Raises:
        Unreachable: If the store did not answer.
    """
    version = store.version()
    if not is_known(version):
        found = version or "a version that it does not tell"
        return f"they are known for MLflow {_shown(VERSIONS)}, but this is {found}"
    tags = store.tags()
    problems = [
        _put(store, view, tags.get(TAG + view.id), time - i) for i, view in enumerate(views)
    ]
    _make_room(store, {TAG + view.id for view in views})
    return "; ".join(filter(None, problems))


def is_known(version: str) -> bool:
    """Tells whether this version's page reads what is written here."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return match is not None and (int(match[1]), int(match[2])) in VERSIONS


def _shown(versions: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{major}.{minor}" for major, minor in versions)


def _put(store: Store, view: View, stored: str | None, time: int) -> str:
    """Writes one view unless it is there already, or somebody's own; says what went wrong."""
    if stored is not None and (not is_ours(stored) or _content(stored) == _content_of(view)):
        return ""
    text = envelope(view, time if stored is None else json.loads(stored)["createdAt"])
    if len(text) > LONGEST:
        return f"the view {view.name!r} has {len(text)} characters, and MLflow takes {LONGEST}"
    try:
        store.tag(TAG + view.id, text)
    except Refused as error:
        return str(error)
    return ""


def envelope(view: View, time: int) -> str:
    """Returns what MLflow keeps of a view."""
    name, state = _content_of(view)
    fields = {"name": name, "createdAt": time, "state": state}
    return json.dumps({**fields, "regsearch": _seal(name, state)}, separators=(",", ":"))


def _content_of(view: View) -> tuple[str, str]:
    raw = json.dumps(view.state, separators=(",", ":")).encode("ascii")
    return view.name, "deflate;" + base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def opened(stored: str) -> tuple[str, dict[str, Any]]:
    """Returns the name and the state in what MLflow keeps of a view."""
    name, state = _content(stored)
    packed = base64.b64decode(state.removeprefix("deflate;"))
    content: dict[str, Any] = json.loads(zlib.decompress(packed))
    return name, content


def _content(stored: str) -> tuple[str, str]:
    fields = json.loads(stored)
    return str(fields["name"]), str(fields["state"])


def is_ours(stored: str) -> bool:
    """Tells whether what MLflow keeps is what was put there."""
    try:
        fields = json.loads(stored)
        return "createdAt" in fields and bool(fields["regsearch"] == _seal(*_content(stored)))
    except (ValueError, KeyError, TypeError):
        return False


def _seal(name: str, state: str) -> str:
    return checksum(f"{name}\n{state}", 16)


def _make_room(store: Store, kept: set[str]) -> None:
    tags = {name: text for name, text in store.tags().items() if name.startswith(TAG)}
    for name in superfluous(tags, kept):
        store.untag(name)


def superfluous(tags: Mapping[str, str], kept: set[str]) -> list[str]:
    """Returns which views must go: the oldest of ours, so that people can save some of theirs."""
    ours = [
        name
        for name, text in tags.items()
        if name.startswith(TAG + PREFIX) and name not in kept and is_ours(text)
    ]
    oldest = sorted(ours, key=lambda name: float(json.loads(tags[name])["createdAt"]))
    return oldest[: max(0, len(tags) - MOST)]
