"""How far listing is behind when large reports come at a steady rate, and not as fast as they can.

    python -m tests.bench.behind [--rate 100] [--seconds 20]

Reports with 178 findings (230 KB of JSON, 65 KB as they are sent) go out at their moments over 32
connections, to an SQLite and a PostgreSQL collector in turn. A report is behind from the moment that
it was due until its findings are listed; how many are is asked for twenty times a second, and the
oldest of them is so many moments old. Everything runs on loopback and is stopped at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.bench.collector import Server, collector, postgresql, wait_until_listed
from tests.bench.fleet import LARGE_FINDINGS, Fleet

CONNECTIONS = 32
WARM = 40
EVERY_S = 0.05


class Steady:
    """One run: what was sent, and how far it was behind."""

    def __init__(self, server: Server, rate: int) -> None:
        self._server = server
        self._rate = rate
        self._acknowledged = 0
        self.worst_s = self.late_s = 0.0
        """The oldest report that was not listed yet, and that was not acknowledged yet."""
        self.refused = 0

    async def send(self, reports: Sequence[tuple[str, bytes]], *, look: bool = True) -> None:
        """Each at its moment; returns when all are answered."""
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        headers = {
            "authorization": f"Bearer {self._server.token}", "content-type": "application/json",
            "content-encoding": "gzip",
        }  # fmt: skip
        self._acknowledged = 0
        async with httpx.AsyncClient(
            base_url=self._server.url, limits=limits, headers=headers, timeout=60
        ) as client:
            start = time.monotonic()
            looking = asyncio.create_task(self._look(start, len(reports))) if look else None
            sending = []
            for place, report in enumerate(reports):
                await asyncio.sleep(start + place / self._rate - time.monotonic())
                sending.append(asyncio.create_task(self._one(client, *report)))
            await asyncio.gather(*sending)
            if looking is not None:
                looking.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await looking

    async def _one(self, client: httpx.AsyncClient, report_id: str, body: bytes) -> None:
        answer = await client.post(f"/v1/reports/{report_id}", content=body)
        self.refused += answer.status_code != 201
        self._acknowledged += 1

    async def _look(self, start: float, count: int) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            unlisted = await asyncio.to_thread(self._server.unlisted)
            due = min((time.monotonic() - start) * self._rate, count)
            late = max(due - self._acknowledged, 0)
            self.late_s = max(self.late_s, late / self._rate)
            self.worst_s = max(self.worst_s, (late + unlisted) / self._rate)


def told(name: str, server: Server, rate: int, seconds: int) -> str:
    """A line of the table."""
    reports = [
        (one, body)
        for one, _, body in Fleet(findings=LARGE_FINDINGS).reports(rate * seconds + WARM)
    ]
    asyncio.run(Steady(server, rate).send(reports[:WARM], look=False))
    wait_until_listed(server)
    run = Steady(server, rate)
    started = time.monotonic()
    asyncio.run(run.send(reports[WARM:]))
    took = time.monotonic() - started
    lag = wait_until_listed(server)
    return (
        f"{name:12}{rate * seconds / took:12.1f}{run.late_s:14.2f}{run.worst_s:14.2f}{lag:12.2f}"
        f"{run.refused:10}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=100, help="reports a second (%(default)s)")
    parser.add_argument("--seconds", type=int, default=20, help="(%(default)s)")
    options = parser.parse_args()
    print(f"{'':12}{'sent/s':>12}{'late s':>14}{'behind s':>14}{'after s':>12}{'refused':>10}")
    with tempfile.TemporaryDirectory(prefix="iocsweep-bench-") as temporary:
        folder = Path(temporary)
        with collector(folder / "sqlite", "") as server:
            print(told("SQLite", server, options.rate, options.seconds), flush=True)
        with postgresql() as cluster:
            url = cluster.create_database("TEMPLATE template0")
            with collector(folder / "postgresql", url) as server:
                print(told("PostgreSQL", server, options.rate, options.seconds), flush=True)


if __name__ == "__main__":
    main()
