from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from regsearch.cli import main

CHECKOUT = Path(__file__).parents[1]
HEAVY = {"lightning", "matplotlib", "mlflow", "numpy", "optuna", "pandas", "plotly", "ray", "torch"}


@pytest.mark.parametrize("command", [[], ["ui"], ["report"]])
def test_help_names_what_there_is(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    expected = {"ui": "--no-browser", "report": "--output"}.get("".join(command), "report")
    assert expected in said
    assert "--tracking-uri" in said or not command


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["report"], "NAME"),
        (["ui", "--port", "0"], "1 <= port <= 65535 must hold, but got 0"),
        (["ui", "--port", "65536"], "but got 65536"),
        (["ui", "--port", "http"], "but got http"),
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    program = (
        "import sys, regsearch.cli as c\n"
        "try: c.main(['--help'])\n"
        f"except SystemExit: sys.exit(sorted({HEAVY!r} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=CHECKOUT)


def test_a_report_of_an_unknown_study_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "nobody"]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert said.err
    assert said.out == ""
