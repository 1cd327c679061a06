"""How many reports the collector keeps, and at what cost: beside a plain app, in one run.

    python -m tests.bench.collector [--seconds 8] [--connections 128] [--only sqlite,plain-sqlite]
                                    [--against CHECKOUT]

Small reports are 4 KB of JSON (1.4 KB as they are sent), large ones 230 KB with 178 findings
(65 KB). Every request brings a new report, over connections that stay open (``tls``: a new one for
each), and is answered after the commit; what is acknowledged is counted in the database afterwards.
The plain app (``plain_app.py``: FastAPI, pydantic, SQLAlchemy, a commit per request) gets the same
bytes. Everything runs on loopback and is stopped at the end. Needs wrk; what else is missing
(PostgreSQL, the packages of ``requirements.txt``) is left out with a word.

``--against``: another checkout of this project with its ``.venv``. Its reports are then sent to both
collectors, in turn, and the ratio is that to its own; ``own`` cases send this checkout's reports too,
and are compared by the byte of JSON.

Columns: reports per second; the ratio to the plain app; half and 99 % of the answers within so many
ms; reports per CPU-second of server, writer and database together; how many cores those used and how
many other work took meanwhile (with more than a tenth of one, believe the per-CPU figures). For
large reports CPU-seconds include listing their findings, and ``lag`` is how long after the last
answer that was done.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import importlib.util
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import psutil

from collector.certificate import AUTHORITY, make_certificate
from tests.bench.fleet import LARGE_FINDINGS
from tests.collector.postgres_server import PostgresServer, installed

SCRIPT = Path(__file__).with_name("reports.lua")
MOST = {"small": 14_000, "large": 900, "tls": 2_500}
"""Reports per second to have ready; the plain app gets through a tenth."""
WARM = {"small": 2_000, "large": 40, "tls": 20}
SENDERS = 8
LAG_S = 120
PLAIN_TOKEN = "plain-token-of-the-bench"


class BenchError(Exception):
    """It cannot be measured here."""


@dataclass(frozen=True, kw_only=True)
class Result:
    name: str
    reports: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_s: float
    foreign: float
    """Cores that other work took."""
    lag_s: float | None = None
    note: str = ""
    json_bytes: int = 0
    """Of one report."""

    @property
    def listed(self) -> float:
        """Reports listed, findings and all, per second from the first to the last one listed."""
        return self.reports / (self.seconds + (self.lag_s or 0))

    @property
    def per_second(self) -> float:
        return self.reports / self.seconds

    @property
    def per_cpu(self) -> float:
        return self.reports / self.cpu_s


# ---- What runs


class Server:
    """A server under measurement, with all that works for it."""

    def __init__(
        self, process: subprocess.Popen[str], url: str, token: str, count: Callable[[], int]
    ) -> None:
        self.process, self.url, self.token, self.count = process, url, token, count
        self.also: list[int] = []
        """Process ids of its database."""
        self.unlisted: Callable[[], int] = lambda: 0
        """Reports whose findings are not listed yet."""

    def cpu_s(self) -> float:
        return sum(cpu_of(pid) for pid in (self.process.pid, *self.also))


@contextlib.contextmanager
def collector(
    folder: Path, database: str, *, tls: bool = False, checkout: Path | None = None
) -> Iterator[Server]:
    """The real one, by its command line; that of another checkout, if one is given."""
    home = folder / "home"
    if tls:
        make_certificate(home, ["127.0.0.1"])
    port = free_port()
    arguments = ["serve", "--home", str(home), "--listen", f"127.0.0.1:{port}"]
    if database:
        arguments += ["--database", database]
    with run(
        [python_of(checkout), "-m", "collector", *arguments], folder, root=checkout
    ) as process:
        token = ""
        assert process.stdout is not None
        while "for agents" not in token:
            token = process.stdout.readline()
            if not token:
                raise BenchError(f"the collector did not start: {(folder / 'log').read_text()}")
        scheme = "https" if tls else "http"

        def ask(sql: str) -> int:
            if database:
                return asyncio.run(_ask_postgresql(database, sql))
            return _ask_sqlite(home / "collector.db", sql)

        server = Server(
            process, f"{scheme}://127.0.0.1:{port}", token.split()[-1],
            lambda: ask("SELECT count(*) FROM report"),
        )  # fmt: skip
        server.unlisted = lambda: ask("SELECT count(*) FROM report WHERE indexed = 0")
        wait_for(port)
        yield server


@contextlib.contextmanager
def plain(folder: Path, database: str) -> Iterator[Server]:
    """The plain app, by uvicorn with uvloop and httptools."""
    if any(importlib.util.find_spec(name) is None for name in ("fastapi", "sqlalchemy")):
        raise BenchError("needs: pip install -r tests/bench/requirements.txt")
    path = folder / "plain.db"
    url = database.replace("postgresql:", "postgresql+psycopg:") or f"sqlite:///{path}"
    port = free_port()
    arguments = ["tests.bench.plain_app:app", "--port", str(port), "--loop", "uvloop",
                 "--http", "httptools", "--no-access-log", "--log-level", "error"]  # fmt: skip
    environment = {**os.environ, "PLAIN_DATABASE": url}
    with run([sys.executable, "-m", "uvicorn", *arguments], folder, environment) as process:
        wait_for(port)

        def count() -> int:
            sql = "SELECT count(*) FROM report"
            if database:
                return asyncio.run(_ask_postgresql(database, sql))
            return _ask_sqlite(path, sql)

        yield Server(process, f"http://127.0.0.1:{port}", PLAIN_TOKEN, count)


@contextlib.contextmanager
def run(
    arguments: Sequence[str],
    folder: Path,
    environment: dict[str, str] | None = None,
    *,
    root: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            env=environment, cwd=root,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def python_of(checkout: Path | None) -> str:
    return sys.executable if checkout is None else str(checkout / ".venv/bin/python")


@contextlib.contextmanager
def postgresql() -> Iterator[PostgresServer]:
    """Debian's, waiting for the disk."""
    programs = installed()
    if programs is None:
        raise BenchError("needs PostgreSQL (Debian package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = PostgresServer(programs, folder, durable=True)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise BenchError("the server does not listen") from None
            time.sleep(0.05)
        else:
            return


def _ask_sqlite(path: Path, sql: str) -> int:
    import sqlite3

    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute(sql).fetchone()[0])


async def _ask_postgresql(url: str, sql: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()


# ---- What it costs


def cpu_of(pid: int) -> float:
    """CPU-seconds of a process and its children, those that ended included."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def busy_s() -> float:
    """CPU-seconds that this machine was at work, or that its host withheld."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


class Meter:
    """What a server, and everything that is not of this run, used since it was made."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._start = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        return time.monotonic(), self._server.cpu_s(), busy_s(), cpu_of(os.getpid())

    def read(self) -> tuple[float, float]:
        """CPU-seconds of the server; cores taken by others."""
        seconds, cpu, busy, own = (
            now - then for now, then in zip(self._now(), self._start, strict=True)
        )
        return cpu, max(0.0, (busy - own) / seconds)


# ---- Sending


def send(server: Server, file: Path, seconds: float, connections: int) -> dict[str, float]:
    """By wrk; what it says of it."""
    done = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(connections), "--duration",
         f"{seconds:.0f}s", "--timeout", "30s", "--script", str(SCRIPT), server.url, "--",
         str(file), server.token],
        check=True, capture_output=True, text=True, timeout=seconds + 60,
    )  # fmt: skip
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def connect(server: Server, file: Path, seconds: float, authority: Path) -> dict[str, float]:
    """A new connection, with a full handshake, for each report."""
    context = ssl.create_default_context(cafile=str(authority))
    port = int(server.url.rpartition(":")[2])
    frames, lock, took = file.open("rb"), threading.Lock(), list[float]()
    refused = 0
    end = time.monotonic() + seconds

    def work() -> None:
        nonlocal refused
        while (start := time.monotonic()) < end:
            with lock:
                head = frames.read(44)
                body = frames.read(int(head[36:] or 0))
            if not body:
                return
            request = (
                f"POST /v1/reports/{head[:36].decode()} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
                f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", port), 30) as plainly:
                plainly.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with context.wrap_socket(plainly, server_hostname="127.0.0.1") as channel:
                    channel.sendall(request.encode() + body)
                    new = channel.recv(4096).startswith(b"HTTP/1.1 201")
            with lock:
                took.append(time.monotonic() - start)
                refused += not new

    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    frames.close()
    took.sort()
    return {"requests": len(took), "seconds": time.monotonic() - started, "refused": refused,
            "broken": 0, "p50_ms": took[len(took) // 2] * 1000,
            "p99_ms": took[len(took) * 99 // 100] * 1000}  # fmt: skip


def measure(
    name: str, server: Server, files: Sequence[Path], sending: Callable[[Path, float], dict[str, float]],
    seconds: float, ready: int, *, lag: bool,
) -> Result:  # fmt: skip
    """Warm up, then count. Raises BenchError when something acknowledged is not in the database."""
    sending(files[0], 1)
    wait_until_listed(server)
    before = server.count()
    meter = Meter(server)
    told = sending(files[1], seconds)
    cpu, foreign = meter.read()
    waited = None
    if lag:
        waited = wait_until_listed(server)
        cpu, _ = meter.read()
    acknowledged = int(told["requests"] - told["refused"])
    there = server.count() - before
    notes = []
    if told["requests"] > ready:
        notes.append(f"only the first {ready:,} were new")
        there = acknowledged if there == ready else there
    if there < acknowledged:
        raise BenchError(f"{name}: {acknowledged} acknowledged, {there} in the database")
    notes += [f"{told[what]:.0f} {what}" for what in ("refused", "broken") if told[what]]
    return Result(
        name=name, reports=acknowledged, seconds=told["seconds"], p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"], cpu_s=cpu, foreign=foreign, lag_s=waited, note=", ".join(notes),
    )  # fmt: skip


def wait_until_listed(server: Server) -> float:
    start = time.monotonic()
    while server.unlisted():
        if time.monotonic() - start > LAG_S:
            raise BenchError(f"findings are not listed after {LAG_S} s")
        time.sleep(0.1)
    return time.monotonic() - start


# ---- The run

CASES = (
    "sqlite", "plain-sqlite", "postgresql", "plain-postgresql",
    "large-sqlite", "large-plain-sqlite", "large-postgresql", "large-plain-postgresql", "tls",
)  # fmt: skip


def run_case(
    name: str, folder: Path, reports: Path, options: argparse.Namespace,
    checkout: Path | None = None, maker: Path | None = None,
) -> Result:  # fmt: skip
    """``checkout``: whose collector it is; ``maker``: whose reports; None: this one's."""
    kind = "tls" if name == "tls" else "large" if name.startswith("large-") else "small"
    files = ready(reports, kind, options.seconds, maker)
    connections = 32 if kind == "large" else options.connections
    with contextlib.ExitStack() as stack:
        database, also = "", list[int]()
        if name.endswith("postgresql"):
            cluster = stack.enter_context(postgresql())
            database = cluster.create_database("TEMPLATE template0")
            assert cluster._process is not None
            also = [cluster._process.pid]
        if "plain" in name:
            server = stack.enter_context(plain(folder, database))
        else:
            server = stack.enter_context(
                collector(folder, database, tls=kind == "tls", checkout=checkout)
            )
        server.also = also
        if kind == "tls":

            def sending(file: Path, seconds: float) -> dict[str, float]:
                return connect(server, file, seconds, folder / "home" / AUTHORITY)
        else:

            def sending(file: Path, seconds: float) -> dict[str, float]:
                return send(server, file, seconds, connections)

        measured = measure(
            name, server, files, sending, options.seconds, MOST[kind] * options.seconds,
            lag=kind == "large",
        )  # fmt: skip
    return replace(measured, json_bytes=json_bytes(files[0]))


def ready(folder: Path, kind: str, seconds: int, maker: Path | None = None) -> tuple[Path, Path]:
    """Files of reports to warm up with and to measure with; made once, by this checkout or another
    one."""
    name = kind if maker is None else f"{kind}-of-{maker.name}"
    warm, main = folder / f"{name}-warm", folder / name
    if not main.exists():
        findings = LARGE_FINDINGS if kind == "large" else 0
        making = (
            "import sys; from pathlib import Path; from tests.bench.fleet import Fleet\n"
            f"fleet = Fleet(findings={findings})\n"
            f"fleet.write(Path(sys.argv[1]), {WARM[kind] * 8})\n"
            f"fleet.write(Path(sys.argv[2]), {MOST[kind] * seconds})\n"
        )
        subprocess.run(
            [python_of(maker), "-c", making, str(warm), str(main)], check=True, cwd=maker
        )
    return warm, main


def json_bytes(file: Path) -> int:
    """Of the first report of such a file."""
    with file.open("rb") as reports:
        head = reports.read(44)
        return len(gzip.decompress(reports.read(int(head[36:]))))


def beside(options: argparse.Namespace, folder: Path) -> Iterator[tuple[Result, Result, Result]]:
    """Of each case: the other checkout, this one with its reports, this one with its own."""
    other = options.against.absolute()
    for name in CASES:
        if "plain" in name or name not in options.only.split(","):
            continue
        best: list[Result] = []
        ways = ((other, other), (None, other), (None, None))
        for turn in range(options.turns):
            for index, (checkout, maker) in enumerate(ways):
                place = folder / f"run-{name}-{turn}-{index}"
                result = run_case(name, place, folder, options, checkout, maker)
                shutil.rmtree(place)
                if len(best) <= index:
                    best.append(result)
                elif result.listed > best[index].listed:
                    best[index] = result
        yield best[0], best[1], best[2]


def told_beside(before: Result, now: Result, own: Result) -> str:
    bytes_ratio = own.per_second * own.json_bytes / (before.per_second * before.json_bytes)
    return "\n".join(
        [
            line(before, None), line(now, None), line(own, None),
            (f"{'':8}acknowledged {now.per_second / before.per_second:.2f}x,"
            f" per CPU-second {now.per_cpu / before.per_cpu:.2f}x,"
            f" listed {before.listed:,.0f} and {now.listed:,.0f} a second"
            f" ({now.listed / before.listed:.2f}x);"
            f" own reports of {own.json_bytes:,} bytes (its: {before.json_bytes:,}):"
            f" {bytes_ratio:.2f}x by the byte, {own.listed:,.0f} listed a second"),
        ]
    )  # fmt: skip


def line(result: Result, plain_result: Result | None) -> str:
    ratio = f"{result.per_second / plain_result.per_second:5.1f}x" if plain_result else " " * 6
    per_cpu = f"{result.per_cpu / plain_result.per_cpu:5.1f}x" if plain_result else " " * 6
    lag = "" if result.lag_s is None else f"{result.lag_s:7.1f}"
    return (
        f"{result.name:24}{result.per_second:10,.0f}{ratio:>7}{result.p50_ms:9.1f}"
        f"{result.p99_ms:9.1f}{result.per_cpu:10,.0f}{per_cpu:>7}"
        f"{result.cpu_s / result.seconds:7.2f}{result.foreign:9.2f}{lag:>7}  {result.note}".rstrip()
    )


HEAD = (
    f"{'':24}{'reports/s':>10}{'plain':>7}{'p50 ms':>9}{'p99 ms':>9}{'/CPU-s':>10}{'plain':>7}"
    f"{'cores':>7}{'foreign':>9}{'lag s':>7}"
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--only", default=",".join(CASES), help="of: %(default)s")
    parser.add_argument("--against", type=Path, help="another checkout, with its .venv")
    parser.add_argument("--turns", type=int, default=1, help="with --against: the best of so many")
    options = parser.parse_args(arguments)
    if not 1 <= options.seconds <= 60:
        parser.error("--seconds: 1 to 60")
    if unknown := set(options.only.split(",")) - set(CASES):
        parser.error(f"--only: {', '.join(sorted(unknown))}?")
    if shutil.which("wrk") is None:
        parser.error("needs wrk (Debian package wrk)")
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="iocsweep-bench-") as temporary:
        folder = Path(temporary)
        if options.against is not None:
            print(HEAD)
            for three in beside(options, folder):
                print(told_beside(*three), flush=True)
            return 0
        for name in CASES:
            if name in options.only.split(","):
                try:
                    results[name] = run_case(name, folder / f"run-{name}", folder, options)
                except BenchError as error:
                    print(f"{name}: {error}", file=sys.stderr)
                else:
                    print(line(results[name], None), file=sys.stderr, flush=True)
    print(f"{options.seconds} s each, {options.connections} connections (large: 32),"
          f" {os.cpu_count()} cores for server, database and senders together")  # fmt: skip
    print(HEAD)
    for name, result in results.items():
        prefix, _, engine = name.rpartition("-")
        other = None if "plain" in name else results.get(f"{prefix}-plain-{engine}".lstrip("-"))
        print(line(result, other))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
