"""The worker of one output: reads reports behind its cursor, sends, and only then moves the cursor.

At least once: a process killed between the destination's acknowledgement and the cursor's move
sends the same findings again, with the same ids. A report that cannot be decoded is counted, noted
and passed over; a destination that is down is waited for, however long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import zlib
from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from agent.model.codec import MAX_BYTES, ReportError, decode
from agent.model.report import Report, Strength

from ..store.database import StoreError
from ..store.store import Store
from .output import Item, Output, TryAgain

log = logging.getLogger(__name__)

READ_REPORTS = 25
"""Reports read from the store at once."""
SEND_ITEMS = 1000
"""Findings handed to the output at once, or those of one report if it has more."""
DECODED_BYTES = 32 * 1024 * 1024
"""JSON held decoded at once, or one report's."""
BASE_DELAY_S = 1.0
MAX_DELAY_S = 300.0
MAX_RETRY_AFTER_S = 3600.0
POLL_S = 2.0


class Counters(Struct):
    """For the metrics; all since the start of the process but ``lag``."""

    sent: int = 0
    """Findings that the destination has."""
    failed: int = 0
    """Attempts that did not get everything through."""
    undecodable: int = 0
    """Reports passed over."""
    lag: int = 0
    """Reports that wait, as of the last look (numbers between the cursor and the newest report)."""
    error: str = ""
    """The last error; empty when the last attempt went well."""


class _Raw(Struct, frozen=True):
    seq: int
    report_id: str
    body: bytes


class OutputRunner:
    """Runs one output until stopped: ``start`` makes the task, ``stop`` ends it, with a grace."""

    def __init__(
        self,
        store: Store,
        output: Output,
        name: str | None = None,
        *,
        poll_s: float = POLL_S,
        base_delay_s: float = BASE_DELAY_S,
        max_delay_s: float = MAX_DELAY_S,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.store = store
        self.output = output
        self.name = name or output.name
        self.counters = Counters()
        self._poll_s = poll_s
        self._base_delay_s = base_delay_s
        self._max_delay_s = max_delay_s
        self._jitter = jitter
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._cursor: int | None = None
        self._noted = ""
        self._passed_over = ""

    def start(self) -> asyncio.Task[None]:
        """The task; it ends only by :meth:`stop`."""
        self._task = asyncio.create_task(self.run(), name=f"output {self.name}")
        return self._task

    async def stop(self, grace_s: float = 5.0) -> None:
        """Finish what is being sent if it takes no longer than this; then close the output."""
        self._stopping.set()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=grace_s)
            for task in late:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.output.close()

    def wake(self) -> None:
        """There may be a new report: look now instead of after the pause."""
        self._woken.set()

    async def run(self) -> None:
        """Until stopped. No error of the store or the destination ends it."""
        attempt = 0
        while not self._stopping.is_set():
            try:
                busy = await self._round()
            except TryAgain as error:
                attempt += 1
                await self._pause(attempt, error.reason, error.retry_after_s)
            except StoreError as error:
                attempt += 1
                await self._pause(attempt, str(error), None, note=False)
            except Exception as error:
                # A fault of ours must neither end the output for good nor lose a finding silently.
                log.exception("output %s: unexpected error", self.name)
                attempt += 1
                await self._pause(attempt, f"unexpected {type(error).__name__}: {error}", None)
            else:
                attempt = 0
                if not busy:
                    await self._idle()

    async def _round(self) -> bool:
        """One read from the store, sent; whether there was anything."""
        if self._cursor is None:
            self._cursor = await self.store.cursor(self.name)
        rows = await self.store.reports_after(self._cursor, READ_REPORTS)
        await self._look(behind=bool(rows))
        pending = [_Raw(seq, report_id, body) for seq, report_id, body in rows]
        while pending and not self._stopping.is_set():
            pending = await self._piece(pending)
        return bool(rows)

    async def _look(self, *, behind: bool) -> None:
        if self._cursor is None:
            return
        newest = await self.store.last_seq() if behind else self._cursor
        self.counters.lag = max(0, newest - self._cursor)

    async def _piece(self, pending: Sequence[_Raw]) -> list[_Raw]:
        """Send the next few reports and move the cursor behind them; gives the others."""
        items: list[Item] = []
        size = taken = 0
        for raw in pending:
            if taken and (len(items) >= SEND_ITEMS or size >= DECODED_BYTES):
                break
            taken += 1
            report, length = await self._report(raw)
            size += length
            if report is not None and await self._wanted(raw, report):
                items += [
                    Item(raw.seq, report, finding)
                    for finding in report.findings
                    if finding.strength.rank >= self.output.weakest.rank
                ]
        if items:
            await self._send(items)
        await self._move(pending[taken - 1].seq)
        return list(pending[taken:])

    async def _send(self, items: list[Item]) -> None:
        """All of it, keeping from one failed attempt to the next what is through already."""
        left, attempt = items, 0
        while left:
            dead = self.output.dead
            try:
                await self.output.send(left)
            except TryAgain as error:
                done = len(left) - len(error.left)
                self.counters.sent += done - (self.output.dead - dead)
                left = error.left
                if not left:
                    return
                attempt = 1 if done else attempt + 1
                await self._move(min(item.seq for item in left) - 1)
                if self._stopping.is_set():
                    raise
                await self._pause(attempt, error.reason, error.retry_after_s)
                if self._stopping.is_set():
                    raise
            else:
                self.counters.sent += len(left) - (self.output.dead - dead)
                return

    async def _report(self, raw: _Raw) -> tuple[Report | None, int]:
        """Decoded, with the sweep that its token stands for; None if it cannot be."""
        try:
            report, size = await asyncio.to_thread(_decoded, raw.body)
        except ReportError as error:
            self.counters.undecodable += 1
            self._passed_over = f"report {raw.report_id} passed over: {error}"
            log.warning("output %s: %s", self.name, self._passed_over)
            return None, 0
        if not report.findings:
            return report, size
        row = await self.store.report(raw.report_id)
        if row is None:
            return None, size  # removed by retention meanwhile
        return structs.replace(report, sweep_id=row.sweep_id), size

    async def _wanted(self, raw: _Raw, report: Report) -> bool:
        if not self.output.first_hits:
            return bool(report.findings)
        if not any(f.strength.rank >= Strength.STRONG.rank for f in report.findings):
            return False
        earlier = await self.store.database.fetch(
            "SELECT 1 FROM report r JOIN report e ON e.sweep_id = r.sweep_id"
            " AND e.host_key = r.host_key AND e.seq < r.seq AND e.strong > 0"
            " WHERE r.report_id = ? LIMIT 1",
            raw.report_id,
        )
        return not earlier

    async def _move(self, seq: int) -> None:
        """Never back. The last report that was passed over stays told, until a restart."""
        assert self._cursor is not None
        if seq > self._cursor:
            error = self._passed_over
            await self.store.move_cursor(self.name, seq, error=error)
            self.counters.lag = max(0, self.counters.lag - (seq - self._cursor))
            self.counters.error = self._noted = error
            self._cursor = seq

    async def _pause(
        self, attempt: int, reason: str, retry_after_s: float | None, *, note: bool = True
    ) -> None:
        """Full jitter (uniform between 0 and a doubling bound), after what the other end asked."""
        self.counters.failed += 1
        self.counters.error = reason
        with contextlib.suppress(StoreError):
            await self._look(behind=True)
        if note and reason != self._noted and self._cursor is not None:
            log.warning("output %s: %s", self.name, reason)
            with contextlib.suppress(StoreError):
                await self.store.move_cursor(self.name, self._cursor, error=reason)
                self._noted = reason
        bound = min(self._base_delay_s * 2.0 ** min(attempt - 1, 32), self._max_delay_s)
        asked = min(retry_after_s or 0.0, MAX_RETRY_AFTER_S)
        await self._sleep(asked + self._jitter(0, bound))

    async def _idle(self) -> None:
        self._woken.clear()
        stopping = asyncio.create_task(self._stopping.wait())
        woken = asyncio.create_task(self._woken.wait())
        try:
            await asyncio.wait(
                [stopping, woken], timeout=self._poll_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopping.cancel()
            woken.cancel()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _decoded(body: bytes) -> tuple[Report, int]:
    """The report and the bytes of its JSON. Raises ReportError."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise ReportError(f"not gzip: {error}") from error
    if len(data) <= MAX_BYTES and not unpacker.eof:
        raise ReportError("gzip body is cut short")
    return decode(data), len(data)
