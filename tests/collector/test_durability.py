"""What was acknowledged is there, whatever is killed and whenever.

A handful of agents bring new reports all the time. Meanwhile the collector, its writer, or its
database is killed at random moments. Afterwards every acknowledged report must be there, byte for
byte, once; and all reports, sent again, must be known. So must every note that an analyst was told is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil
import pytest

from collector.records import host_key
from tests.bench.fleet import Fleet
from tests.collector.postgres_server import PostgresServer, own_postgres

__all__ = ["own_postgres"]

AGENTS = 5
FINDINGS = 3
"""In every other report."""
KILLS = 20
STOPS = 6
MOST = 120
"""Reports acknowledged between two kills, at most about so many."""
DEADLINE_S = 60

Ask = Callable[[str], list[Sequence[Any]]]


class Collector:
    """The real server, by its command line; killed and started again on the same database."""

    def __init__(self, home: Path, database: str = "") -> None:
        self.home, self.token, self.reader = home, "", ""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._database = ["--database", database] if database else []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        with (self.home.parent / "log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "collector", "serve", "--home", str(self.home),
                 "--listen", f"127.0.0.1:{self.port}", *self._database],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        while not self.token or not self.reader:
            line = self._process.stdout.readline()
            assert line, self.log()
            if "for agents" in line:
                self.token = line.split()[-1]
            if "for readers" in line:
                self.reader = line.split()[-1]
        eventually(self._answers, "the collector does not start")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        channel = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            channel.request("GET", "/healthz")
            return channel.getresponse().status == 200
        except OSError:
            return False
        finally:
            channel.close()

    def log(self) -> str:
        return (self.home.parent / "log").read_text()[-2000:]

    def writer(self) -> psutil.Process | None:
        """The process that writes the SQLite file, once it is there."""
        assert self._process is not None
        try:
            children = psutil.Process(self._process.pid).children()
        except psutil.NoSuchProcess:
            return None
        return children[0] if children else None

    def kill(self, *, writer: bool) -> None:
        """At once, without a word; the writer too or left behind. Returns when it is gone."""
        assert self._process is not None
        child = self.writer()
        self._process.kill()
        if writer and child is not None:
            child.kill()
        self._process.wait()
        self._close()

    def kill_writer(self) -> None:
        """The server goes on and starts another."""
        child = self.writer()
        assert child is not None
        child.kill()

        def another() -> bool:
            now = self.writer()
            return now is not None and now.pid != child.pid

        eventually(another, "no other writer")

    def stop(self) -> int:
        """As a service manager does; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(DEADLINE_S)
        self._close()
        return code

    def _close(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def end(self) -> None:
        if self._process is not None:
            self.kill(writer=True)

    def verify(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "collector", "verify", "--home", str(self.home),
             *self._database],
            check=False, capture_output=True, text=True, timeout=DEADLINE_S,
        )  # fmt: skip


class Agents:
    """``with``: new reports all the time; keeps account of what was sent and what acknowledged."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._fleets = [Fleet(seed=1), Fleet(findings=FINDINGS, seed=2)]
        self._lock = threading.Lock()
        self._going = True
        self._threads = [threading.Thread(target=self._work) for _ in range(AGENTS)]
        self.sent: dict[str, bytes] = {}
        self.acknowledged: dict[str, bytes] = {}
        """Id and SHA-256 of the body."""
        self.hosts: list[str] = []
        """Keys of those whose reports were acknowledged."""
        self.unexpected: list[str] = []

    def __enter__(self) -> Agents:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going = False
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _work(self) -> None:
        while self._going:
            with contextlib.closing(self._connect()) as channel:
                try:
                    while self._going:
                        self._bring(channel)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)  # killed: the next report goes to its successor

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._collector.port, timeout=DEADLINE_S)

    def _bring(self, channel: http.client.HTTPConnection) -> None:
        with self._lock:
            fleet = self._fleets[len(self.sent) % 2]
            report_id, said, body = fleet.report()
            self.sent[report_id] = body
        status = self._post(channel, report_id, body)
        with self._lock:
            if status == 201:
                self.acknowledged[report_id] = hashlib.sha256(body).digest()
                host = json.loads(said)["host"]
                self.hosts.append(host_key(host["id"], host["name"]))
            elif status != 503:
                self.unexpected.append(f"{report_id}: {status}")
        time.sleep(0.02 if status == 503 else 0.002)

    def _post(self, channel: http.client.HTTPConnection, report_id: str, body: bytes) -> int:
        channel.request(
            "POST", f"/v1/reports/{report_id}", body,
            {"Authorization": f"Bearer {self._collector.token}",
             "Content-Type": "application/json", "Content-Encoding": "gzip"},
        )  # fmt: skip
        answer = channel.getresponse()
        answer.read()
        if answer.will_close:
            channel.close()  # it opens another by itself
        return answer.status

    def more(self, count: int) -> None:
        """Until so many more are acknowledged."""
        wanted = len(self.acknowledged) + count
        eventually(lambda: len(self.acknowledged) >= wanted, "nothing is acknowledged any more")

    def send_again(self) -> dict[str, int]:
        """Every report that was ever sent; the statuses."""
        statuses: dict[str, int] = {}
        with contextlib.closing(self._connect()) as channel:
            for report_id, body in self.sent.items():
                statuses[report_id] = self._post(channel, report_id, body)
        return statuses


class Analyst:
    """``with``: writes one note after another, each of its own text, on hosts that reported."""

    def __init__(self, collector: Collector, agents: Agents) -> None:
        self._collector, self._agents = collector, agents
        self._chance, self._going = random.Random(11), True
        self._thread = threading.Thread(target=self._work)
        self.sent = 0
        self.acknowledged: dict[str, str] = {}
        """The host's key by the note's text."""
        self.unexpected: list[str] = []

    def __enter__(self) -> Analyst:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._going = False
        self._thread.join(DEADLINE_S)

    def _work(self) -> None:
        while self._going:
            channel = http.client.HTTPConnection(
                "127.0.0.1", self._collector.port, timeout=DEADLINE_S
            )
            with contextlib.closing(channel):
                try:
                    while self._going:
                        self._write(channel)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)

    def _write(self, channel: http.client.HTTPConnection) -> None:
        hosts = self._agents.hosts[-20:]
        if not hosts:
            time.sleep(0.01)
            return
        host, text = self._chance.choice(hosts), f"note {self.sent}"
        self.sent += 1
        channel.request(
            "POST", f"/sweeps/first/case.json?host={quote(host)}", json.dumps({"note": text}),
            {"Authorization": f"Bearer {self._collector.reader}",
             "Content-Type": "application/json"},
        )  # fmt: skip
        answer = channel.getresponse()
        answer.read()
        if answer.status == 200:
            self.acknowledged[text] = host
        elif answer.status != 503:
            self.unexpected.append(f"{text} on {host}: {answer.status}")
        if answer.will_close:
            channel.close()
        time.sleep(0.005)

    def more(self) -> None:
        """Until another is acknowledged."""
        wanted = len(self.acknowledged) + 1
        eventually(lambda: len(self.acknowledged) >= wanted, "no note is acknowledged any more")


def notes_are_there(ask: Ask, analyst: Analyst) -> None:
    """Each acknowledged one on its host, none twice, and each written down."""
    wanted = dict(analyst.acknowledged)
    rows = ask("SELECT text, host_key FROM case_note")
    there = {str(text): str(host) for text, host in rows}
    lost = [text for text in wanted if text not in there]
    assert not lost, f"{len(lost)} of {len(wanted)} acknowledged notes are lost"
    assert all(there[text] == host for text, host in wanted.items())
    assert len(there) == len(rows)
    audited = "SELECT (SELECT count(*) FROM case_note), (SELECT count(*) FROM audit WHERE action = 'case')"
    ((notes, lines),) = ask(audited)
    assert notes == lines


def eventually(happens: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not happens():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.002)


def sqlite_file(path: Path) -> Ask:
    def ask(sql: str) -> list[Sequence[Any]]:
        uri = f"{path.as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    return ask


def postgresql(url: str) -> Ask:
    async def work(sql: str) -> list[Sequence[Any]]:
        connection = await asyncpg.connect(url, timeout=30)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return lambda sql: asyncio.run(work(sql))


def is_all_there(ask: Ask, acknowledged: dict[str, bytes]) -> None:
    """Byte for byte, by digest."""
    wanted = dict(acknowledged)  # before the database is read: they are more at any moment
    bodies = {
        report_id: hashlib.sha256(body).digest()
        for report_id, body in ask("SELECT report_id, body FROM report")
    }
    lost = [report_id for report_id in wanted if report_id not in bodies]
    assert not lost, f"{len(lost)} of {len(wanted)} acknowledged reports are lost"
    changed = [report_id for report_id, digest in wanted.items() if bodies[report_id] != digest]
    assert not changed


def is_once_there_when_sent_again(ask: Ask, agents: Agents) -> None:
    statuses = agents.send_again()
    assert {statuses[report_id] for report_id in agents.acknowledged} == {200}
    assert set(statuses.values()) <= {200, 201}
    count = len(agents.sent)
    assert ask("SELECT count(*), count(DISTINCT report_id) FROM report") == [(count, count)]
    # Each is from a host of its own; one that was counted twice would say 2.
    assert ask("SELECT count(*), min(reports), max(reports) FROM host") == [(count, 1, 1)]
    eventually(
        lambda: ask("SELECT count(*) FROM report WHERE indexed = 0") == [(0,)],
        "findings are not listed",
    )
    hits = ask("SELECT count(*) FROM report WHERE strong > 0")[0][0]
    assert hits == count // 2
    assert ask("SELECT count(*) FROM finding") == [(hits * FINDINGS,)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def starting() -> Iterator[Callable[[Path, str], Collector]]:
    """Makes collectors that are gone after the test."""
    made: list[Collector] = []

    def start(home: Path, database: str) -> Collector:
        made.append(Collector(home, database))
        made[-1].start()
        return made[-1]

    yield start
    for collector in made:
        collector.end()


@pytest.mark.skipif(os.name == "nt", reason="the collector's writer is for POSIX")
def test_what_sqlite_acknowledged_survives_twenty_kills(
    home: Path, starting: Callable[[Path, str], Collector]
) -> None:
    chance = random.Random(9)
    collector = starting(home, "")
    ask = sqlite_file(home / "collector.db")
    with Agents(collector) as agents, Analyst(collector, agents) as analyst:
        for kill in range(KILLS):
            agents.more(chance.randrange(1, MOST))
            analyst.more()
            if kill % 2:
                collector.kill_writer()
            else:
                # Its writer dies with it, or is left with what was on its way, and ends by itself.
                collector.kill(writer=kill % 4 == 0)
                collector.start()
            agents.more(1)
            is_all_there(ask, agents.acknowledged)
            notes_are_there(ask, analyst)
            assert ask("PRAGMA integrity_check") == [("ok",)]
    assert not agents.unexpected + analyst.unexpected
    notes_are_there(ask, analyst)
    is_once_there_when_sent_again(ask, agents)
    assert collector.stop() == 0
    verified = collector.verify()
    assert verified.returncode == 0, verified.stdout


def test_a_writer_that_a_killed_server_left_behind_is_waited_for(
    home: Path, starting: Callable[[Path, str], Collector]
) -> None:
    collector = starting(home, "")
    left = collector.writer()
    assert left is not None
    left.suspend()
    collector.kill(writer=False)
    threading.Timer(2, left.resume).start()
    collector.start()
    with Agents(collector) as agents:
        agents.more(1)
    is_all_there(sqlite_file(home / "collector.db"), agents.acknowledged)


def test_what_postgresql_acknowledged_survives_its_crashes_and_ours(
    home: Path, own_postgres: PostgresServer, starting: Callable[[Path, str], Collector]
) -> None:
    chance = random.Random(10)
    url = own_postgres.create_database()
    collector = starting(home, url)
    ask = postgresql(url)
    with Agents(collector) as agents, Analyst(collector, agents) as analyst:
        for stop in range(STOPS):
            agents.more(chance.randrange(1, MOST))
            analyst.more()
            if stop % 3 == 2:
                collector.kill(writer=False)
                collector.start()
            else:
                own_postgres.stop(signal.SIGQUIT)  # an immediate shutdown: recovery from its log
                time.sleep(chance.random() / 2)
                own_postgres.start()
            agents.more(1)
            is_all_there(ask, agents.acknowledged)
            notes_are_there(ask, analyst)
    assert not agents.unexpected + analyst.unexpected
    notes_are_there(ask, analyst)
    is_once_there_when_sent_again(ask, agents)
    assert collector.stop() == 0
    verified = collector.verify()
    assert verified.returncode == 0, verified.stdout
