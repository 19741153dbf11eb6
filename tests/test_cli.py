from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from regsearch.cli import interruptible, main
from tests.interpreters import fresh_started

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


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Presses ctrl-C, and sees that the process ends as a shell expects, without a word."""
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130


@pytest.mark.parametrize(
    "command",
    [
        ["regsearch.cli", "report", "digits"],
        ["dashboards.compare", "digits", "groups"],
        ["dashboards.watch", "digits"],
    ],
)
def test_ctrl_c_ends_a_command_that_imports(command: list[str]) -> None:
    with fresh_started("-m", *command, errors=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while "numpy" not in Path(f"/proc/{process.pid}/maps").read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
        _interrupt(process)


@pytest.mark.slow  # imports MLflow
def test_ctrl_c_ends_a_command_that_waits_for_a_store() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        silent.settimeout(60)
        with fresh_started(
            "-m", "regsearch.cli", "report", "a", "--tracking-uri", uri, errors=subprocess.PIPE
        ) as process:
            connection, _ = silent.accept()
            with connection:
                _interrupt(process)


def test_ctrl_c_in_a_class_being_made_has_the_same_code() -> None:
    """Python itself remembers it: see `interruptible`."""
    program = "from regsearch.cli import interruptible\n"
    program += "with interruptible(): exec('import signal; signal.raise_signal(signal.SIGINT)')\n"
    Path("program.py").write_text(program)
    with fresh_started("-m", "program", errors=subprocess.PIPE) as process:
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130


@pytest.mark.parametrize("error", [KeyError("lam"), KeyboardInterrupt(), SystemExit(2)])
def test_what_no_ctrl_c_brought_about_passes(error: BaseException) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(type(error)) as caught, interruptible():
        raise error
    assert caught.value is error
    assert signal.getsignal(signal.SIGINT) == before


def test_ctrl_c_may_be_caught() -> None:
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        said = "caught"
    assert said == "caught"


def _import_cut_short() -> None:
    """Imports as numpy does, which makes a ctrl-C an error of its own."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    raise ImportError("could not import module")


def test_ctrl_c_may_come_out_as_another_error() -> None:
    with pytest.raises(SystemExit) as ended, interruptible():
        _import_cut_short()
    assert ended.value.code == 130


def test_a_second_ctrl_c_ends_at_once() -> None:
    program = "import signal\nfrom regsearch.cli import interruptible\n"
    program += "with interruptible():\n"
    program += "    for _ in range(2):\n"
    program += "        try: signal.raise_signal(signal.SIGINT)\n"
    program += "        except KeyboardInterrupt: pass\n"
    program += "    print('goes on')\n"
    with fresh_started("-c", program, errors=subprocess.PIPE) as process:
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130
