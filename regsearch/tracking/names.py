"""What MLflow accepts as names, and how names of any kind are made to fit.

MLflow takes letters, digits, `_ - . : /` and spaces, 250 characters at most, and wants a name to be
a normal path: `block//weight`, `../x` and `a[0]` are refused. A name that has to be changed gets
four characters of its own checksum, so that `a[0]` and `a(0)` stay two metrics.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import lru_cache

LONGEST_KEY = 250
LONGEST_PARAM = 6000
LONGEST_TAG = 8000

_REFUSED = re.compile(r"[^/\w.\- :]")


@lru_cache(maxsize=10_000)
def key(name: str) -> str:
    """Returns `name` if it can be a metric's, param's or tag's key, else the nearest one that can.

    Example:
        >>> key("sparsity/net.0.weight"), key("a[0]")
        ('sparsity/net.0.weight', 'a_0_-a2b5')
    """
    parts = [part for part in _REFUSED.sub("_", name).split("/") if part not in ("", ".", "..")]
    fitting = "/".join(parts)
    if name and fitting == name and len(name) <= LONGEST_KEY:
        return name
    return f"{fitting[: LONGEST_KEY - 5]}-{checksum(name, 4)}"


def text(value: object, longest: int) -> str:
    """Returns `value` as text that can be stored, cut with an ellipsis where it is too long."""
    plain = str(value).replace("\x00", " ").encode("utf-8", "replace").decode("utf-8")
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def line(value: str) -> str:
    """Returns `value` as one line that fits where MLflow shows names."""
    return text(" ".join(value.split()) or "(no name)", LONGEST_KEY)


def artifact(name: str) -> str:
    """Returns `name` as a relative path below the run's artifacts."""
    normal = posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/")
    fitting = "/".join(_REFUSED.sub("_", part)[:60] for part in normal.split("/"))
    return fitting or "unnamed"


def checksum(value: str, length: int) -> str:
    """Returns what stands for a name where only letters and digits are safe."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:length]
