"""README and CONTRIBUTING say only what is true: their code runs, their links lead somewhere.

Authors just write ```` ```python ```` blocks. All blocks under one heading are one file, read from
top to bottom, as a reader would paste them, and each such file runs in an empty folder. Studies in
it are cut to a few short trials. A sketch that is not meant to run is fenced as ```` ```text ````.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interpreters import LEARNERS, fresh

ROOT = Path(__file__).parents[1]
DOCUMENTS = [name for name in ("README.md", "CONTRIBUTING.md") if (ROOT / name).is_file()]

SMALL = {"n_trials": 3, "max_epochs": 2}
TRAINS = re.compile(r"\.(fit|run|optimize)\(")
HEADING = re.compile(r"#{1,6} +(?P<title>.+)")
FENCE = re.compile(r" *(```+|~~~+)(?P<language>\w*)")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")
SCHEME = re.compile(r"[a-z][a-z+.-]*:")


class Section(NamedTuple):
    """A heading's Python blocks, and its prose without any block."""

    document: str
    title: str
    code: str
    prose: str


def _sections(document: str) -> list[Section]:
    title, code, prose, language = "", "", "", None
    sections = []
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines(keepends=True):
        heading, fence = HEADING.match(line), FENCE.match(line)
        if fence:
            language = fence["language"] if language is None else None
            code += "\n"
        elif language == "python":
            code += line
        elif language is None and heading:
            sections.append(Section(document, title, code, prose))
            title, code, prose = heading["title"].strip(), "", ""
        elif language is None:
            prose += line
    return [*sections, Section(document, title, code, prose)]


SECTIONS = [section for document in DOCUMENTS for section in _sections(document)]
PROGRAMS = [
    pytest.param(
        section,
        id=f"{section.document}: {section.title}",
        marks=[pytest.mark.slow(reason="trains")] if TRAINS.search(section.code) else [],
    )
    for section in SECTIONS
    if section.code.strip()
]


class _Shrink(ast.NodeTransformer):
    """Lowers the numbers that say how long a study or a training is."""

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        if node.arg in SMALL and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(SMALL[node.arg])
        return node


@pytest.mark.parametrize("section", PROGRAMS)
def test_code_runs(section: Section) -> None:
    """The first program in an interpreter of its own, as a reader has it; it is like the others."""
    program = Path("program.py")
    shrunk = ast.fix_missing_locations(_Shrink().visit(ast.parse(section.code)))
    program.write_text(ast.unparse(shrunk), encoding="utf-8")
    run = fresh if section is PROGRAMS[0].values[0] else LEARNERS.run
    done = run([program.name])
    assert done.returncode == 0, f"{section.code}\n{done.stdout}\n{done.stderr}"


def _anchor(title: str) -> str:
    """Returns the anchor that a heading gets when Markdown is rendered on the web."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _links() -> list[tuple[str, str]]:
    found = [(s.document, m["target"]) for s in SECTIONS for m in LINK.finditer(s.prose)]
    return sorted({link for link in found if not SCHEME.match(link[1])})


@pytest.mark.parametrize(("document", "target"), _links())
def test_links_lead_somewhere(document: str, target: str) -> None:
    name, _, anchor = target.partition("#")
    path = (ROOT / document).parent / name if name else ROOT / document
    assert path.resolve().is_relative_to(ROOT), f"{document} links out of the repository: {target}"
    assert path.exists(), f"{document} links to {target}, which is not there"
    if anchor:
        anchors = {_anchor(s.title) for s in _sections(str(path.relative_to(ROOT)))}
        assert anchor in anchors, f"{document}: {target} is none of {sorted(anchors)}"


@pytest.mark.skipif("README.md" not in DOCUMENTS, reason="there is no README.md")
def test_readme_shows_how_to_run_a_study_and_the_tests() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shells = re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    commands = [line for shell in shells for line in shell.splitlines()]
    assert any("-m studies." in line for line in commands)
    assert any("-m pytest" in line for line in commands), ".ci/run takes its command from here"
