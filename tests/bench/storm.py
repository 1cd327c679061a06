"""A whole fleet at once: signed reports of 20,000 hosts, each brought by the agent's own delivery with
a connection of its own, to one collector that is restarted twice meanwhile, once without a word.

    python -m tests.bench.storm [--agents 20000] [--over 100] [--senders 2] [--out FOLDER]

Agents and collector share this machine's cores, so that the rate is less than what the collector
could take; its own processor time per report is told beside it. All over TLS.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing.queues import Queue
from pathlib import Path
from typing import NamedTuple

import psutil

from agent.delivery.collector import Collector
from agent.delivery.parcel import Held
from agent.delivery.route import Route
from agent.delivery.spool import packed
from agent.model.codec import decode, encode
from agent.signing.attesting import attested
from agent.signing.keys import VARIABLE, PrivateKey, signing_key
from collector.certificate import make_certificate
from tests.bench.collector import BenchError, free_port, wait_for
from tests.bench.fleet import Fleet

THREADS = 64
"""Agents that one sending process is at once."""
WINDOW_S = 300.0
STEP_S = 5
"""Of the curve."""
Sent = tuple[str, float]
"""How an agent ended (``collector``, or why not), and when."""


class Server:
    """The collector, by its command line."""

    def __init__(self, folder: Path) -> None:
        self.home, self.port = folder / "home", free_port()
        self._log = folder / "log"
        make_certificate(self.home, ["127.0.0.1"])
        self.token = self.key = ""
        self.cpu_s = 0.0
        """Of those processes that have ended."""
        self.peak = 0
        """Bytes resident, of all its processes together."""
        self._process = self._start()
        assert self._process.stdout is not None
        while not self.key:
            line = self._process.stdout.readline().split()
            if self._process.poll() is not None:
                raise BenchError(f"the collector did not start: {self._log.read_text()}")
            if line[:2] == ["for", "agents"]:
                self.token = line[2]
            elif line[:2] == ["their", "key"]:
                self.key = line[2]
        wait_for(self.port)

    def _start(self) -> subprocess.Popen[str]:
        where = ["--home", str(self.home), "--listen", f"127.0.0.1:{self.port}"]
        with self._log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "collector", "serve", *where],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def restart(self, how: signal.Signals) -> float:
        """Seconds until it answers again."""
        start = time.monotonic()
        self.look()
        self.cpu_s += self.spent()
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = self._start()
        wait_for(self.port)
        return time.monotonic() - start

    def look(self) -> int:
        """Bytes resident now."""
        resident = 0
        for process in self._all():
            try:
                resident += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        self.peak = max(self.peak, resident)
        return resident

    def _all(self) -> list[psutil.Process]:
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def spent(self) -> float:
        """Seconds of processor time of those processes that run now."""
        spent = 0.0
        for process in self._all():
            times = process.cpu_times()
            spent += times.user + times.system
        return spent

    def stop(self) -> None:
        """Adds up what it cost."""
        self.cpu_s += self.spent()
        self._process.terminate()
        self._process.wait(60)

    def ask(self, sql: str) -> list[tuple[int | str, ...]]:
        """Of its database."""
        with closing(sqlite3.connect(f"file:{self.home}/collector.db?mode=ro", uri=True)) as base:
            return base.execute(sql).fetchall()


class Agents(NamedTuple):
    """Those of one process: report ids, bodies, and when each begins, in seconds."""

    reports: list[tuple[str, bytes]]
    starts: list[float]


def made(count: int, key: PrivateKey) -> Iterator[tuple[str, bytes]]:
    """Signed reports as agents send them, one in twenty a hit."""
    clean, hit = Fleet(seed=1), Fleet(findings=3, seed=2)
    for number in range(count):
        report_id, data, _ = (clean if number % 20 else hit).report()
        report = attested(decode(data), key)
        yield report_id, packed(encode(report))


def be(agents: Agents, collector: Collector, begin: float, told: Queue[list[Sent]]) -> None:
    """In a process of its own: all of them, each at its time."""

    def one(number: int) -> Sent:
        time.sleep(max(0.0, begin + agents.starts[number] - time.time()))
        report_id, body = agents.reports[number]
        route = Route(collector=collector, window_s=WINDOW_S, say=lambda _: None)
        fate = route.deliver([Held(report_id, body, "memory")])[report_id]
        return fate.via or fate.reason, time.time()

    with ThreadPoolExecutor(THREADS) as pool:
        told.put(list(pool.map(one, range(len(agents.reports)))))


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()


def storm(folder: Path, options: argparse.Namespace) -> bool:
    """Whether all of them arrived, once."""
    with serving(folder) as server:
        key = signing_key(None, {VARIABLE: server.key})
        assert key is not None
        start = time.monotonic()
        reports = list(made(options.agents, key))
        each = (time.monotonic() - start) / options.agents * 1e3
        size = sum(len(body) for _, body in reports) / len(reports)
        print(f"{options.agents:,} signed reports, {size:,.0f} bytes each, {each:.1f} ms to make")
        authority = (server.home / "ca.pem").read_text()
        collector = Collector(
            url=f"https://127.0.0.1:{server.port}", token=server.token, ca=authority, proxies={}
        )
        told: Queue[list[Sent]] = multiprocessing.Queue()
        begin = time.time() + 2
        senders = []
        for one in range(options.senders):
            mine = reports[one :: options.senders]
            starts = [options.over * number / len(mine) for number in range(len(mine))]
            process = multiprocessing.Process(
                target=be, args=(Agents(mine, starts), collector, begin, told)
            )
            process.start()
            senders.append(process)
        curve = watched(server, options, begin, len(reports))
        sent = [one for _ in senders for one in told.get()]
        for process in senders:
            process.join()
        return judged(server, options, begin, sent, curve)


def watched(
    server: Server, options: argparse.Namespace, begin: float, expected: int
) -> list[tuple[int, int]]:
    """Of each step: how many reports are there, and bytes resident; restarts it meanwhile."""
    restarts = [(options.over * 0.3, signal.SIGTERM), (options.over * 0.6, signal.SIGKILL)]
    curve: list[tuple[int, int]] = []
    time.sleep(max(0.0, begin - time.time()))
    while not curve or curve[-1][0] < expected:
        time.sleep(max(0.0, begin + STEP_S * (len(curve) + 1) - time.time()))
        if restarts and time.time() - begin >= restarts[0][0]:
            how = restarts.pop(0)[1]
            print(f"  restarted by {how.name}: back after {server.restart(how):.1f} s")
        (there,) = server.ask("SELECT count(*) FROM report")[0]
        curve.append((int(there), server.look()))
        if STEP_S * len(curve) > options.over + WINDOW_S:
            break
    return curve


def judged(
    server: Server, options: argparse.Namespace, begin: float, sent: list[Sent],
    curve: list[tuple[int, int]],
) -> bool:  # fmt: skip
    before = 0
    for step, (there, resident) in enumerate(curve, 1):
        rate = (there - before) / STEP_S
        print(f"  {step * STEP_S:4} s  {there:7,}  {rate:5.0f}/s  {resident >> 20:4} MB"
              f"  {'#' * int(rate / 5)}")  # fmt: skip
        before = there
    ends = Counter(how for how, _ in sent)
    over = max(when for _, when in sent) - begin
    ids, rows = server.ask("SELECT count(DISTINCT report_id), count(*) FROM report")[0]
    worth = {
        str(told).split()[0]: count
        for told, count in server.ask("SELECT signature, count(*) FROM report GROUP BY 1")
    }
    server.look()
    print(f"ended: {dict(ends)}; in the database {rows:,}, ids {ids:,}; signatures {worth}")
    spent = server.cpu_s + server.spent()
    print(f"{len(sent) / over:.0f} reports a second over {over:.0f} s, restarts included;"
          f" {spent / len(sent) * 1e3:.2f} ms of processor time of the collector for each,"
          f" {server.peak >> 20} MB at most")  # fmt: skip
    return bool(ends["collector"] == ids == rows == options.agents == worth.get("signed"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=20_000)
    parser.add_argument("--over", type=float, default=100.0, help="seconds in which they begin")
    parser.add_argument("--senders", type=int, default=2, help="processes that are agents")
    options = parser.parse_args(arguments)
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="iocsweep-bench-") as folder:
        return 0 if storm(Path(folder), options) else 1


if __name__ == "__main__":
    raise SystemExit(main())
