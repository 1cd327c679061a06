"""A real PostgreSQL for tests: Debian's, in a folder of its own, on a loopback port of its own.

``postgres_server`` is started once per test run, ``postgres_url`` is a fresh database for each
test. A test that stops the server takes ``own_postgres``: one that no other test depends on.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

INSTALLED = Path("/usr/lib/postgresql")
PASSWORD = "p@ss/w:rd-of-the-tests"
IN_URL = "p%40ss%2Fw%3Ard-of-the-tests"
ADMIN = "sweeper"
LINGUISTIC = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"


class PostgresServer:
    """One cluster. PostgreSQL refuses to run as root, so root's tests run it as ``postgres``."""

    def __init__(self, programs: Path, folder: Path, *, durable: bool) -> None:
        self.programs, self.folder = programs, folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = "postgres"
            account = pwd.getpwnam(self._user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb", "--pgdata", str(self.data), "--username", ADMIN, "--pwfile", str(secret),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                f"unix_socket_directories = '{folder}'\nmax_connections = 100\n"
                f"fsync = {'on' if durable else 'off'}\nlog_min_messages = fatal\n"
            )

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{ADMIN}:{IN_URL}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user,
                group=self._user, extra_groups=[] if self._user else None, cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while subprocess.run(
            [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        ).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(
                    f"PostgreSQL does not start: {(self.folder / 'log').read_text()}"
                )
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown. SIGQUIT: an immediate one, as after a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def create_database(self, options: str = LINGUISTIC) -> str:
        """A new one; gives its URL. It sorts as people do, unless a column says otherwise."""
        name = f"test_{uuid.uuid4().hex}"
        self.sql(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for it."""
        done = subprocess.run(
            [self.programs / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement,
             self.url(database)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def load(self, file: Path, database: str) -> None:
        """Run an SQL text."""
        subprocess.run(
            [self.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file,
             self.url(database)],
            check=True, capture_output=True,
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.programs / program), *arguments], check=True, capture_output=True,
            user=self._user, group=self._user, extra_groups=[] if self._user else None,
            cwd=self.folder,
        )  # fmt: skip


def installed() -> Path | None:
    """The folder of the newest installed version's programs."""
    found = [path for path in INSTALLED.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A running cluster that is gone afterwards. ``durable``: the disk is waited for."""
    programs = installed()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 bytes
    try:
        server = PostgresServer(programs, folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    yield from run_postgres()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    yield from run_postgres(durable=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.sql(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
