"""The public face: names that are sorted and resolve, behind an import that stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import regsearch

ROOT = Path(__file__).parents[1]
HEAVY = ("optuna", "mlflow", "plotly", "ray", "sklearn")
NO_SUCH = "no_such_name"


def test_public_names_are_sorted() -> None:
    assert regsearch.__all__
    assert regsearch.__all__ == sorted(set(regsearch.__all__))


@pytest.mark.parametrize("name", regsearch.__all__)
def test_public_names_resolve(name: str) -> None:
    assert name in dir(regsearch)
    try:
        getattr(regsearch, name)
    except ImportError as error:
        if "regsearch[" not in str(error):  # only what an extra brings may be missing
            raise


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "regsearch" / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [line for block in blocks for line in block.body if isinstance(line, ast.ImportFrom)]
    names = {alias.asname or alias.name for line in imports for alias in line.names}
    assert names == set(regsearch.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=NO_SUCH):
        getattr(regsearch, NO_SUCH)


def test_importing_the_package_is_light() -> None:
    code = f"import sys, regsearch; print(*sorted(sys.modules.keys() & {set(HEAVY)}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
