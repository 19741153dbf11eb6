from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dashboards import compare
from regsearch.figures.reporting import default_file
from tests.figures.stored import CARD, Session


def test_two_studies_make_a_page(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    Session(uri).trial(0, 0.5, 0.25)
    Session(uri, replace(CARD, name="a <b>"), name="two").trial(0, 0.75)
    compare.main(["digits", "a <b>"])
    file = Path(capsys.readouterr().out.strip())
    assert file == default_file(["digits", "a <b>"]).absolute()
    assert file.name.startswith("compare-digits-a_b_")
    html = file.read_text(encoding="utf-8")
    assert "a &lt;b&gt;" in html
    assert "digits" in html


def test_the_page_and_the_store_may_be_elsewhere(uri: str, tmp_path: Path) -> None:
    Session(uri).trial(0, 0.5)
    Session(uri, replace(CARD, name="wide"), name="two")
    compare.main(["digits", "wide", "--tracking-uri", uri, "--output", "out/both"])
    assert (tmp_path / "out" / "both.html").stat().st_size > 1_000_000


@pytest.mark.parametrize("names", [["digits"], ["digits", "digits"]])
def test_one_study_is_no_comparison(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(names)
    assert "`regsearch report NAME` shows one" in capsys.readouterr().err


def test_what_cannot_be_read_or_written_is_said(uri: str) -> None:
    with pytest.raises(SystemExit, match="got 'digits'. There is none yet"):
        compare.main(["digits", "wide"])
    with pytest.raises(SystemExit, match="no MLflow database .*nowhere.db"):
        compare.main(["digits", "wide", "--tracking-uri", "sqlite:///nowhere.db"])
    for name in ("digits", "wide"):
        Session(uri, replace(CARD, name=name), name=name)
    with pytest.raises(SystemExit, match="mlflow.db/x.html cannot be"):
        compare.main(["digits", "wide", "--output", "mlflow.db/x.html"])
