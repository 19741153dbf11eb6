"""Commands in a note: what a reader copies off the page is what the shell must get."""

from __future__ import annotations

import subprocess
import sys

import pytest

from regsearch.search.commands import command, report_command, rerun_command


def test_a_report_command_survives_a_shell() -> None:
    assert report_command("digits") == "regsearch report digits"
    assert report_command("a b'c") == """regsearch report 'a b'"'"'c'"""
    assert report_command("-x") == "regsearch report -- -x"


@pytest.mark.parametrize(
    "name",
    ["two\nlines", " a  b\t'c'\\n ", "\r\n\x1b[31m", "λ\u00a0权\u2028🙂", "$(exit) `exit` !x\n\n"],
)
def test_a_name_is_the_same_after_a_page_has_folded_the_command(name: str) -> None:
    folded = " ".join(report_command(name).split())
    program = folded.replace("regsearch report", "printf %s")
    said = subprocess.run(["bash", "-c", program], capture_output=True, check=True).stdout
    assert said.decode() == name


def test_a_store_that_is_not_the_default_one_is_named() -> None:
    assert report_command("a", "sqlite:///mlflow.db") == "regsearch report a"
    assert report_command("a", "sqlite:////else/my runs.db") == (
        "regsearch report --tracking-uri 'sqlite:////else/my runs.db' a"
    )
    assert report_command("-x", "http://127.0.0.1:5000") == (
        "regsearch report --tracking-uri http://127.0.0.1:5000 -- -x"
    )


@pytest.mark.parametrize(
    "uri",
    [
        "https://me:secret@host/mlflow",
        "postgresql://me:secret@host/db",
        "postgresql://me:a/secret?b#c@host/db",
        "mysql+pymysql://host/db?user=me&password=secret",
    ],
)
def test_passwords_are_left_to_the_reader(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = report_command("a", uri)
    assert "secret" not in shown
    assert "USER:PASSWORD@host/" in shown or "password=***" in shown
    monkeypatch.setattr(sys, "argv", ["study.py", uri, f"--storage={uri}", "-v"])
    assert "secret" not in rerun_command()
    assert rerun_command().endswith("-v")


def test_every_word_is_a_word() -> None:
    assert command(["a", "", "b"]) == "a '' b"
