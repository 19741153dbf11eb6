from __future__ import annotations

import re

import pytest

from regsearch.ridges.assets import asset, filled

FILES = (
    "again.js",
    "epochs.js",
    "ridges.css",
    "ridges.js",
    "stage.js",
    "study.css",
    "study.html",
    "study.js",
    "trial.css",
    "trial.html",
    "trial.js",
)


@pytest.mark.parametrize("name", FILES)
def test_nothing_in_it_reaches_out_of_the_page(name: str) -> None:
    text = asset(name)
    assert not re.search(r"https?:|//|@import|url\(|\bfetch\b|XMLHttp|Storage|\bimport\b", text)


@pytest.mark.parametrize("name", FILES)
def test_nothing_in_it_is_written_as_markup(name: str) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", asset(name))


@pytest.mark.parametrize("name", ["epochs.js", "stage.js", "study.html", "study.js", "trial.html"])
def test_what_counts_reports_is_said_to_count_validations(name: str) -> None:
    said = re.findall(r"(?:\w+ |[`>])epochs?\b(?!\()", asset(name).lower())
    assert said
    assert {*said} <= {"validation epoch", "validation epochs"}


def test_comments_and_indentation_are_left_out() -> None:
    lines = asset("ridges.js").splitlines()
    assert lines
    assert not [line for line in lines if not line or line[0] == " " or line.startswith("//")]


def test_a_template_is_filled_once() -> None:
    found = filled("<{{a}}|{{b}}|{{a}}>", {"a": "{{b}}", "b": r"\1"})
    assert found == r"<{{b}}|\1|{{b}}>"


def test_a_part_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        filled("{{b}}", {"a": ""})
