from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regsearch.figures.errors import UnknownStudyError
from regsearch.figures.reporting import default_file, write_report
from tests.figures.stored import CARD, Session, empty_database


def test_one_study_is_a_report_and_several_a_comparison(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    uri = empty_database(tmp_path_factory.getbasetemp(), tmp_path)
    Session(uri).trial(0, 0.5)
    Session(uri, replace(CARD, name="wide"), name="two").trial(0, 0.25)
    one = write_report(["digits", "digits"])
    assert one == Path("report-digits.html")
    assert "<title>digits</title>" in one.read_text(encoding="utf-8")
    two = write_report(["digits", "wide"], tracking_uri=uri, output="both")
    assert two == Path("both.html")
    assert "<title>2 studies</title>" in two.read_text(encoding="utf-8")
    with pytest.raises(UnknownStudyError, match="'wide', 'digits'"):
        write_report(["digits", "deep"])
    assert not Path("compare-digits-deep.html").exists()


@pytest.mark.parametrize(
    ("names", "file"),
    [
        (["digits"], "report-digits.html"),
        (["digits", "λ"], "compare-digits-λ.html"),
        (["digits-2"], "report-digits-2.html"),
        (["../a b", "λ"], "compare-.._a_b-λ-6d58ea.html"),
        (["x" * 512], f"report-{'x' * 53}-5ceb99.html"),
    ],
)
def test_any_text_makes_a_file_name(names: list[str], file: str) -> None:
    assert default_file(names) == Path(file)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a/b"], ["a b"]),
        (["a/b"], ["a_b"]),
        (["x" * 60 + "1"], ["x" * 60 + "2"]),
        (["a-b", "c"], ["a", "b-c"]),
        (["λ" * 50, "\ud800"], ["λ" * 50, "\ud801"]),
    ],
)
def test_no_page_overwrites_that_of_other_studies(one: list[str], other: list[str]) -> None:
    assert default_file(one) != default_file(other)
    assert all(len(str(default_file(names)).encode()) < 256 for names in (one, other))
