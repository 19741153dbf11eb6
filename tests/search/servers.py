"""Database servers of a test's own: the real ones, where their programs are installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy
from sqlalchemy.exc import OperationalError

from tests.faults.curves import until

IDLE = 1  # seconds after which a server ends a connection that lets it
_WITHIN = 60.0  # seconds that it may take to start or to end
# Where Debian keeps what is not on everybody's PATH.
_PLACES = ("/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))


class Server:
    """A server that listens on a socket in its folder, and on nothing else.

    Attributes:
        url: A database of it, as SQLAlchemy and Optuna take it.

    Args:
        command: What starts it.
        place: The socket.
        url: See above.
        account: The system's account that it runs under; this process's by default.
    """

    def __init__(
        self, command: Sequence[object], place: Path, url: str, account: str | None = None
    ) -> None:
        self.url = url
        self._command = command
        self._place = place
        self._account = account
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self._process = _started(self._command, self._account)
        engine = sqlalchemy.create_engine(self.url)
        until(lambda: self._answers(engine), _WITHIN)
        engine.dispose()

    def kill(self) -> None:
        """Ends it as a power failure does."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Ends it and its own processes in order."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_WITHIN)

    def _answers(self, engine: sqlalchemy.Engine) -> bool:
        assert self._process.poll() is None, "a server must not end before it has answered"
        with socket.socket(socket.AF_UNIX) as visitor:
            if visitor.connect_ex(str(self._place)) != 0:
                return False
        try:
            engine.connect().close()
        except OperationalError:
            return False
        return True


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL, which refuses to be run by root."""
    initdb, postgres = _programs("initdb", "postgres")
    account = "postgres" if os.geteuid() == 0 else None
    with TemporaryDirectory() as folder:
        if account:
            shutil.chown(folder, account)
        data = Path(folder, "data")
        options = ["--username=me", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        _carry_out([initdb, "--pgdata", data, *options], account)
        settings = ["listen_addresses=", "fsync=off", f"idle_session_timeout={IDLE}s"]
        command = [postgres, "-D", data, "-k", folder, *(f"--{setting}" for setting in settings)]
        url = f"postgresql+psycopg://me@/postgres?host={folder}"
        with closing(Server(command, Path(folder, ".s.PGSQL.5432"), url, account)) as server:
            yield server


@contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB, which SQLAlchemy and Optuna speak to as to a MySQL."""
    install, mariadbd = _programs("mariadb-install-db", "mariadbd")
    with TemporaryDirectory() as folder:
        data, place = Path(folder, "data"), Path(folder, "socket")
        own = ["--no-defaults", f"--datadir={data}", "--character-set-server=utf8mb4"]
        own += ["--user=root"] if os.geteuid() == 0 else []
        _carry_out([install, *own, "--auth-root-authentication-method=normal", "--skip-test-db"])
        (data / "studies").mkdir()  # is a database
        settings = [f"--socket={place}", "--skip-networking", f"--wait-timeout={IDLE}"]
        command = [mariadbd, *own, *settings, f"--pid-file={folder}/pid"]
        url = f"mysql+pymysql://root@localhost/studies?unix_socket={place}"
        with closing(Server(command, place, url)) as server:
            yield server


KINDS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
}


def _programs(*names: str) -> list[str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    found = [program for name in names if (program := shutil.which(name, path=path))]
    if len(found) < len(names):
        packages = "postgresql mariadb-server-core mariadb-client-core"
        pytest.skip(f"needs {' and '.join(names)}: apt-get install {packages}")
    return found


def _carry_out(command: Sequence[object], account: str | None = None) -> None:
    assert _started(command, account).wait() == 0, "a database must be made"


def _started(command: Sequence[object], account: str | None) -> subprocess.Popen[bytes]:
    silence = subprocess.DEVNULL
    words = [str(word) for word in command]
    return subprocess.Popen(
        words, user=account, cwd="/", stdin=silence, stdout=silence, stderr=silence
    )
