"""Real receivers on loopback, each started and stopped by the test that asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

UNPACKED = Path(__file__).parents[3] / ".cache" / "syslog-ng"
"""Where `make test` unpacks it: Debian's syslog-ng and rsyslog exclude each other."""


@dataclass
class OpenSearch:
    """An OpenSearch-compatible server that keeps all in memory (PyPI, osmem-server)."""

    url: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, whatever its status."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}",
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def count(self, index: str) -> int:
        self.ask("POST", f"{index}/_refresh")
        return int(self.ask("GET", f"{index}/_count")["count"])


@contextmanager
def opensearch() -> Iterator[OpenSearch]:
    osmem_server = pytest.importorskip("osmem_server")
    with osmem_server.OsmemServer.start(japanese=False) as server:
        yield OpenSearch(server.url)


@dataclass
class SyslogNg:
    port: int
    log: Path

    async def lines(self, count: int, *, seconds: float = 60) -> list[str]:
        found: list[str] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.log.exists():
                found = self.log.read_text(encoding="utf-8").splitlines()
            if len(found) >= count:
                return found
            await asyncio.sleep(0.2)
        raise AssertionError(f"{len(found)} of {count} messages arrived")


@contextmanager
def syslog_ng(folder: Path) -> Iterator[SyslogNg]:
    """Writes of each message ``PRI|ISODATE|HOST|PROGRAM|MSGID|SDATA|MESSAGE``, a line each."""
    program, modules, environment = _program()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "syslog-ng.conf"
    config.write_text(
        f"""@version: 3.35
options {{ keep-hostname(yes); use-dns(no); stats-freq(0); log-msg-size(65536); }};
source s {{ syslog(ip("127.0.0.1") port({port}) transport("tcp")); }};
destination d {{
  file("{folder}/parts.log" template("$PRI|$ISODATE|$HOST|$PROGRAM|$MSGID|$SDATA|$MESSAGE\\n"));
}};
log {{ source(s); destination(d); flags(flow-control); }};
""",
        encoding="utf-8",
    )
    files = ("-f", config, "-R", folder / "persist", "-p", folder / "pid", "-c", folder / "ctl")
    process = subprocess.Popen(
        [str(program), "-F", "--no-caps", f"--module-path={modules}", *map(str, files)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _listening(port)
        yield SyslogNg(port, folder / "parts.log")
    finally:
        process.terminate()
        process.wait(20)


def _program() -> tuple[Path, Path, dict[str, str]]:
    """The program, its modules' folder and its environment; skips the test without one."""
    program = UNPACKED / "usr/sbin/syslog-ng"
    root = UNPACKED
    if installed := shutil.which("syslog-ng", path="/usr/sbin:/usr/bin"):
        program, root = Path(installed), Path("/")
    modules = next(iter(sorted((root / "usr/lib/syslog-ng").glob("[0-9]*"))), None)
    if not program.exists() or modules is None:
        pytest.skip("syslog-ng is neither installed nor unpacked: see `make test`")
    folders = [*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu"), modules.parent]
    return program, modules, {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))}


def _listening(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise AssertionError("the receiver does not listen")
