"""The laws of the code's shape, read off its syntax trees: layers, owners, names, sizes.

A study may know a penalty, a penalty must not know a study: with arrows that only point downward,
each part can be read, tested and taken over without what stands above it. The tables below are the
design; to add a module is to give it a line in `BELOW`.
"""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "regsearch"
FACADE = "the public face, regsearch/__init__.py"

# What a part of the package may import: these, and all that they may import.
BELOW: dict[str, tuple[str, ...]] = {
    "trials": (),
    "palette": (),
    "groups": (),
    "losses": (),
    "strengths": (),
    "selection": (),
    "stepsizes": (),
    "penalties": ("groups", "strengths"),
    "conventions": ("penalties",),
    "sparsity": ("trials",),
    "table": ("selection",),
    "pieces": (),
    "compiled": (),
    "loops": (),
    "multi_tensor": ("penalties", "pieces", "stepsizes"),
    "one_pass": ("compiled", "loops", "multi_tensor"),
    "shards": ("stepsizes",),
    "regularizer": ("multi_tensor", "shards", "table"),
    "shares": ("one_pass", "regularizer"),
    "cautions": ("shares",),
    "applied": ("cautions",),
    "namespaces": (),
    "callback": ("applied", "losses", "namespaces"),
    "mixin": ("callback",),
    "training": ("mixin", "sparsity"),
    "engines": ("trials",),
    "ridges": ("trials",),
    "tracking": ("palette", "ridges"),
    "figures": ("penalties", "tracking"),
    "search": ("training", "conventions", "engines", "figures"),
    "testing": ("search",),
    "ui": ("tracking",),
    "cli": ("figures", "ui"),
    FACADE: ("testing", "cli"),
    "studies": (FACADE,),
    "dashboards": (FACADE,),
}

# The only places inside the package that may know an outside library.
OWNERS = {
    "lightning": ("regsearch/namespaces.py", "regsearch/training/"),
    "pytorch_lightning": ("regsearch/namespaces.py", "regsearch/training/"),
    "optuna": ("regsearch/search/", "regsearch/figures/frames_importance.py"),
    "mlflow": (
        "regsearch/tracking/answers.py",
        "regsearch/tracking/catalog.py",
        "regsearch/tracking/store.py",
        "regsearch/figures/frames_files.py",
        "regsearch/figures/frames_store.py",
        "regsearch/ui/guarded.py",
    ),
    "numba": ("regsearch/compiled.py",),
    "ray": (
        "regsearch/engines/ray.py",
        "regsearch/engines/ray_actor.py",
        "regsearch/engines/ray_cluster.py",
        "regsearch/engines/ray_workers.py",
    ),
    "plotly": ("regsearch/figures/",),
    "sklearn": (),
}
# Files that need nothing but the standard library, nor does what they import of regsearch: any
# process must be able to read what they define.
PLAIN = (
    "regsearch/trials.py",
    "regsearch/engines/base.py",
    "regsearch/engines/inline.py",
    "regsearch/engines/crew.py",
    "regsearch/engines/fork_server.py",
    "regsearch/engines/process_seat.py",
    "regsearch/engines/ranks.py",
    "regsearch/engines/ray_room.py",
    "regsearch/engines/serving.py",
    "regsearch/tracking/base.py",
    "regsearch/tracking/memory.py",
    "regsearch/tracking/spool.py",
)

VAGUE = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
INSTALLED_AS = {"sklearn": "scikit-learn"}
MAX_LINES = 300


def _python(*folders: str) -> list[str]:
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in files)


SOURCES = _python("regsearch")
APPLICATIONS = _python("studies", "dashboards")
TESTS = _python("tests")


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(_text(file), file)


@cache
def _imports(file: str) -> frozenset[str]:
    """Returns the dotted names of all that a file imports, wherever in it."""
    return frozenset(_imported(file))


def _tops(file: str) -> set[str]:
    """Returns the topmost packages that a file imports from."""
    return {name.partition(".")[0] for name in _imports(file)}


def _imported(file: str) -> Iterator[str]:
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} must import absolutely"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            match node.args:
                case [ast.Constant(value=str(name)), *_]:
                    yield name


def _part(dotted: str) -> str | None:
    """Returns which part of the project a dotted name stands in; None if in none."""
    top, _, rest = dotted.partition(".")
    if top != "regsearch":
        return top if top in BELOW else None
    name = rest.partition(".")[0]
    is_module = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return name if name and is_module else FACADE


def _dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported_files(file: str) -> set[str]:
    """Returns our own files that a file imports directly."""
    files = {_dotted(source): source for source in SOURCES}
    found = set()
    for name in _imports(file):
        while name and name not in files:
            name = name.rpartition(".")[0]
        found |= {files[name]} if name else set()
    return found - {file, "regsearch/__init__.py"}


def _lower(file: str) -> set[str]:
    """Returns the parts that a file may import from."""
    return _reachable(_part(_dotted(file)) or FACADE)


def _reachable(part: str) -> set[str]:
    return {part}.union(*(_reachable(lower) for lower in BELOW[part]))


def _is_in(file: str, places: tuple[str, ...]) -> bool:
    return any(file == place or (place[-1] == "/" and file.startswith(place)) for place in places)


def test_every_file_has_a_layer() -> None:
    homeless = [file for file in SOURCES + APPLICATIONS if _part(_dotted(file)) not in BELOW]
    assert not homeless, "give each a line in BELOW"


def test_imports_point_downward() -> None:
    upward = {
        file: foreign
        for file in SOURCES + APPLICATIONS
        if (foreign := {_part(name) for name in _imports(file)} - {None, *_lower(file)})
    }
    assert not upward, "a file may import only from the parts below its own in BELOW"


def test_modules_form_no_cycle() -> None:
    arrows = {file: _imported_files(file) for file in SOURCES}
    tuple(graphlib.TopologicalSorter(arrows).static_order())  # raises CycleError, naming it


def test_outside_libraries_have_one_owner() -> None:
    foreign = {
        file: others
        for file in SOURCES
        if (others := {top for top in _tops(file) & OWNERS.keys() if not _is_in(file, OWNERS[top])})
    }
    assert not foreign, "leave them to their owners in OWNERS"


@pytest.mark.parametrize("file", sorted({*PLAIN}.intersection(SOURCES)))
def test_plain_files_import_the_standard_library_alone(file: str) -> None:
    seen, waiting = set(), {file}
    while waiting:
        seen.add(current := waiting.pop())
        assert _tops(current) <= {*sys.stdlib_module_names, "regsearch"}, (
            f"{current} must stay plain"
        )
        waiting |= _imported_files(current) - seen


def test_imports_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *extras["ray"], *extras["test"]]
    declared = {re.split(r"[^\w.-]", text)[0] for text in requirements}
    undeclared = {file: missing for file in SOURCES if (missing := _packages(file) - declared)}
    assert not undeclared, "files import what pyproject.toml does not ask for"


def _packages(file: str) -> set[str]:
    """Returns the packages that a file imports from, by the names they are installed by."""
    outside = _tops(file) - sys.stdlib_module_names - {"regsearch"}
    return {INSTALLED_AS.get(top, top.replace("_", "-")) for top in outside}


def test_files_are_short() -> None:
    lengths = {file: _text(file).count("\n") for file in SOURCES + APPLICATIONS + TESTS}
    long = {file: lines for file, lines in lengths.items() if lines > MAX_LINES}
    assert not long, f"split by concept what has more than {MAX_LINES} lines"


def test_files_are_named_for_their_concept() -> None:
    named = {file: set(re.split(r"[/_.]", file.lower())) for file in SOURCES + APPLICATIONS + TESTS}
    vague = [file for file, words in named.items() if words & VAGUE]
    assert not vague, "name each after what it is about"


def _marks(file: str) -> Iterator[tuple[ast.expr, ast.FunctionDef | None]]:
    """Yields each use of a pytest mark, and the test it decorates, if it does."""
    decorators: dict[ast.expr, ast.FunctionDef] = {}
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.FunctionDef):
            decorators |= dict.fromkeys(node.decorator_list, node)
    called = {node.func for node in ast.walk(_tree(file)) if isinstance(node, ast.Call)}
    for node in ast.walk(_tree(file)):
        mark = node.func if isinstance(node, ast.Call) else node
        is_mark = isinstance(mark, ast.Attribute) and ast.unparse(mark).startswith("pytest.")
        if is_mark and node not in called and isinstance(node, ast.expr):
            yield node, decorators.get(node)


def _says_why(node: ast.expr, test: ast.FunctionDef | None, lines: list[str]) -> bool:
    if isinstance(node, ast.Call):
        is_skip = ast.unparse(node.func).endswith(".skip")
        if (is_skip and node.args) or any(given.arg == "reason" for given in node.keywords):
            return True
    has_docstring = test is not None and ast.get_docstring(test) is not None
    return has_docstring or "  # " in lines[(node.end_lineno or node.lineno) - 1]


def test_slow_and_skipped_tests_say_why() -> None:
    silent = [place for file in TESTS for place in _silent(file)]
    assert not silent, "a reason, a docstring or a comment on the line must say why"


def _silent(file: str) -> list[str]:
    """Returns where a file leaves tests out, or calls them slow, and does not say why."""
    lines = _text(file).splitlines()
    marks = re.compile(r"pytest\.(mark\.)?(slow|skip|skipif|xfail|importorskip)\b")
    return [
        f"{file}:{node.lineno}"
        for node, test in _marks(file)
        if marks.match(ast.unparse(node)) and not _says_why(node, test, lines)
    ]
