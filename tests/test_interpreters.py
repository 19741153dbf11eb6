"""A forked program is what a fresh interpreter would be, in all that a program can tell."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interpreters import Interpreters, fresh

SEEN = """
import os, random, signal, sys, threading
import __main__
print(sys.argv, sys.path, os.getcwd(), os.environ["PYTHONPATH"], sys.stdin.read())
print(__name__, __main__.__dict__ is globals(), __spec__, globals().get("__file__"))
print(*(signal.getsignal(getattr(signal, name)) for name in ("SIGINT", "SIGTERM", "SIGCHLD")))
print(threading.active_count(), threading.current_thread() is threading.main_thread())
print(os.getsid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd")), sys.stdout.line_buffering)
"""
PROGRAMS = {
    "what it sees": SEEN,
    "an exit code": "import sys; print('said'); sys.exit(3)",
    "an error": "def broken(): raise ValueError('no')\nbroken()",
    "ctrl-C": "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('not reached')",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "at the end": """
import atexit, threading, time
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.2), print("in a thread"))).start()
""",
    "what it spawns": """
import multiprocessing
def double(number): return 2 * number
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(double, [1, 2]))
""",
}


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    interpreters = Interpreters("numpy")
    with open(os.devnull, "rb") as inherited:
        os.set_inheritable(inherited.fileno(), True)  # as continuous integration leaves its pipes
        assert interpreters.template.pid
    yield interpreters
    interpreters.template.close()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_file_runs_as_in_a_fresh_interpreter(interpreters: Interpreters, program: str) -> None:
    Path("program.py").write_text(program, encoding="utf-8")
    arguments = ["program.py", "one", "two words"]
    expected, found = fresh(arguments), interpreters.run(arguments)
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    assert found.stderr.splitlines()[-3:] == expected.stderr.splitlines()[-3:]


@pytest.mark.parametrize("name", ["what it sees", "an exit code"])
def test_code_runs_as_in_a_fresh_interpreter(interpreters: Interpreters, name: str) -> None:
    arguments = ["-c", PROGRAMS[name], "one"]
    expected, found = fresh(arguments), interpreters.run(arguments)
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)


def test_a_module_runs_as_in_a_fresh_interpreter(interpreters: Interpreters) -> None:
    arguments = ["-m", "json.tool", "--compact", "gone.json"]
    expected, found = fresh(["-P", *arguments]), interpreters.run(arguments)
    assert found.returncode == expected.returncode
    assert found.stderr.splitlines()[-1] == expected.stderr.splitlines()[-1]


def test_a_program_is_spoken_to_while_it_runs(interpreters: Interpreters, tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), os.environ['GIVEN'], flush=True); time.sleep(600)"
    with interpreters.started(["-c", code], more={"GIVEN": "λ"}) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == f"{program.pid} λ\n"
        assert program.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.01)
        program.send_signal(signal.SIGTERM)
        assert program.wait(30.0) == -signal.SIGTERM
        program.kill()  # nothing is left to be killed
    with interpreters.started(["-c", code]) as program:
        pass
    assert program.wait() == -signal.SIGKILL


def test_programs_share_nothing(interpreters: Interpreters) -> None:
    """Neither what they import nor what is random."""
    code = "import sys, random, numpy, json; print('json.tool' in sys.modules, numpy.random.rand())"
    said = {interpreters.run(["-c", f"{code}; import json.tool"]).stdout for _ in range(2)}
    assert len(said) == 2
    assert {line.split()[0] for line in said} == {"False"}


def test_test_processes_may_share_a_template(tmp_path: Path) -> None:
    interpreters = Interpreters("json"), Interpreters("json")
    with subprocess.Popen(["sleep", "600"]) as owner:
        for one in interpreters:
            one.template.share(tmp_path / "template", owner.pid)
        template = os.pidfd_open(interpreters[0].template.pid)
        assert interpreters[0].template.pid == interpreters[1].template.pid
        interpreters[0].template.close()
        assert interpreters[1].run(["-c", "print('here')"]).stdout == "here\n"
        owner.kill()
    assert select.select([template], [], [], 60.0)[0], "it must end when its owner has"
    os.close(template)
    interpreters[1].template.close()
