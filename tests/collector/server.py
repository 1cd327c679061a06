"""A real ``iocsweep-collector serve`` for tests: its own process, home and port on loopback."""

from __future__ import annotations

import gzip
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from agent.model.codec import encode
from agent.model.report import Report
from collector.certificate import AUTHORITY

WAIT_S = 60
"""For anything that a test waits for: no measure, only so that nothing waits for ever."""


class CollectorServer:
    """Started by :meth:`start` on a home that outlives it, so that it can be started again."""

    def __init__(
        self,
        home: Path,
        *options: str,
        database: str = "",
        client: tuple[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        files: str = "",
    ) -> None:
        """``client``: a certificate and its key, for a server that lets nobody in without.

        ``files``: the shell's ``ulimit`` for it, such as ``-Sn 1024``.
        """
        self.limited = ["sh", "-c", f'ulimit {files}; exec "$@"', "sh"] if files else []
        self.home, self.options = home, options
        self.database = ["--database", database] if database else []
        self.environment = environment
        self.out, self.log = home.parent / f"{home.name}.out", home.parent / f"{home.name}.log"
        self.sweep_token = self.reader_token = ""
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.cert = client
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def authority(self) -> Path | None:
        """For those who verify it; None: it serves plain HTTP."""
        path = self.home / AUTHORITY
        return path if path.exists() else None

    @property
    def url(self) -> str:
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> CollectorServer:
        """Returns when it answers."""
        self.port = free_port()
        with self.out.open("wb") as out, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.limited, sys.executable, "-m", "collector", "serve", "--home", str(self.home),
                 "--listen", f"127.0.0.1:{self.port}", *self.database, *self.options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=self.environment,
            )  # fmt: skip
        self.http.verify = str(self.authority) if self.authority else True
        wait_for(self._answers, lambda: f"no answer: {self.log.read_text()}")
        if told := re.search(r"for agents\s+(\S+)[\s\S]+for readers\s+(\S+)", self.told()):
            self.sweep_token, self.reader_token = told[1], told[2]
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            self.process = None
            raise AssertionError(f"it ended: {self.log.read_text()}")
        try:
            return self.get("/healthz").status_code == 200
        except requests.ConnectionError:
            return False

    def told(self) -> str:
        """What it printed."""
        return self.out.read_text()

    def events(self) -> list[dict[str, Any]]:
        """Its log; every line must be one JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """The exit code."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(how)
        return process.wait(WAIT_S)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """An administrator's command on its home."""
        return administer(*command, "--home", str(self.home), *self.database)

    # ---- Asking it

    def get(self, path: str, *, token: str = "", **named: Any) -> requests.Response:
        return self.ask("GET", path, token=token, **named)

    def ask(
        self, method: str, path: str, *, token: str = "", headers: Mapping[str, str] | None = None,
        **named: Any,
    ) -> requests.Response:  # fmt: skip
        made = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return self.http.request(method, self.url + path, headers=made, timeout=WAIT_S, **named)

    def send(self, report: Report, *, token: str | None = None) -> requests.Response:
        """As an agent does."""
        return self.send_bytes(report.report_id, encode(report), token=token)

    def send_bytes(
        self, report_id: str, data: bytes, *, token: str | None = None
    ) -> requests.Response:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return self.ask(
            "POST", f"/v1/reports/{report_id}", token=self.sweep_token if token is None else token,
            headers=headers, data=gzip.compress(data),
        )  # fmt: skip

    def head(
        self, path: str, *fields: str, method: str = "POST", token: str | None = None
    ) -> bytes:
        """The head of a request to bring a report, with more fields."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: collector.example",
            f"Authorization: Bearer {self.sweep_token if token is None else token}",
            "Content-Type: application/json",
            *fields,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def connect(self) -> socket.socket:
        """A connection of one's own, to say on it what no HTTP library would."""
        connection = socket.create_connection(("127.0.0.1", self.port), WAIT_S)
        if self.authority is None:
            return connection
        context = ssl.create_default_context(cafile=self.authority)
        return context.wrap_socket(connection, server_hostname="127.0.0.1")

    def exchange(self, data: bytes) -> bytes:
        """What comes back for these bytes, until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(data)
            return until_closed(connection)


def until_closed(connection: socket.socket) -> bytes:
    """All that still comes. A reset is an end like another."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except (ConnectionResetError, ssl.SSLEOFError):
        pass
    return b"".join(parts)


def one_answer(connection: socket.socket) -> bytes:
    """The next one, which is JSON."""
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(1 << 16)
        assert part, answer
        answer += part
    return answer


def statuses(answers: bytes) -> list[int]:
    """Of the answers on one connection, in order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def administer(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``iocsweep-collector`` with these arguments, called in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "collector", *command], check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=WAIT_S, cwd=folder,
    )  # fmt: skip


def wait_for(there: Callable[[], bool], why: Callable[[], str] = lambda: "it never came") -> None:
    """Until it is so."""
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


Serve = Callable[..., CollectorServer]


def _serving(folder: Path) -> Iterator[Serve]:
    started: list[CollectorServer] = []

    def serve(
        *options: str, tls: Sequence[str] = (), name: str = "home", **named: Any
    ) -> CollectorServer:
        home = folder / name
        if tls:
            made = administer("certificate", "--home", str(home), *tls)
            assert made.returncode == 0, made.stderr
        server = CollectorServer(home, *options, **named)
        started.append(server)
        return server.start()

    try:
        yield serve
    finally:
        codes = [server.stop() for server in started if server.process is not None]
    assert codes == [0] * len(codes), [server.log.read_text() for server in started]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server for this test alone; ``tls``: names for a certificate of its own."""
    yield from _serving(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorServer]:
    """One for all tests of a module that leave it as it was."""
    for serve in _serving(tmp_path_factory.mktemp("collector")):
        yield serve("--head-timeout", "1", "--body-timeout", "1")
