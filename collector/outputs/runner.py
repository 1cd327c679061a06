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
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import Struct, structs

from agent.model.codec import MAX_BYTES, ReportError, decode
from agent.model.report import Report

from ..metrics import OutputFigures
from ..records import ReportRow
from ..store.database import StoreError
from ..store.store import Store
from .alerts import Alert, Alerting, Watch, bad_signature, second_sender
from .dead_letter import Unkept
from .output import Item, Output, TryAgain
from .state import OutputState, StateKeeper

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
LISTED_WITHIN_S = 120.0
"""That a report waits for its findings to be listed, where they may be suppressed."""


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
        self._keeper = StateKeeper(store, output, self.name)
        self._watch = Watch(store, self.name)
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._cursor: int | None = None
        self._noted = ""
        self._passed_over = ""
        self._unlisted: tuple[int, float] | None = None
        """The report whose findings are waited for, and since when."""

    @property
    def state(self) -> OutputState:
        """How it is doing, as it is written down in the store."""
        return self._keeper.state

    def figures(self) -> OutputFigures:
        """For the metrics."""
        counters, state = self.counters, self.state
        last_success = (state.last_success or 0) / 1000
        letters = self.output.dead_letters.waiting()
        return self.name, counters.sent, counters.failed, counters.lag, letters, last_success

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
        await self._keeper.save(now=True)
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
            await self._keeper.load()
            self._cursor = await self.store.cursor(self.name)
            # Listed before the first attempt has ended: one that hangs is none that is not there.
            await self._look(behind=True)
            await self._keeper.save(now=True)
        if isinstance(self.output, Alerting):
            for alert in await self._watch.due():
                if await self._alert(self.output, alert):
                    await self._watch.told(alert)
        rows = await self.store.reports_after(self._cursor, READ_REPORTS)
        await self._look(behind=bool(rows))
        pending = [_Raw(seq, report_id, body) for seq, report_id, body in rows]
        while pending and not self._stopping.is_set():
            pending = await self._piece(pending)
        if not rows:
            await self._keeper.rested()
        return bool(rows)

    async def _look(self, *, behind: bool) -> None:
        if self._cursor is None:
            return
        newest = await self.store.last_seq() if behind else self._cursor
        self.counters.lag = self.state.lag = max(0, newest - self._cursor)

    async def _piece(self, pending: Sequence[_Raw]) -> list[_Raw]:
        """Send the next few reports and move the cursor behind them; gives the others."""
        items: list[Item] = []
        alerts: list[Alert] = []
        size = taken = 0
        for raw in pending:
            if taken and (len(items) >= SEND_ITEMS or size >= DECODED_BYTES):
                break
            report, length, row = await self._report(raw)
            wanted = [] if report is None else await self._wanted(raw, report, row)
            if wanted is None:
                break
            taken += 1
            size += length
            items += wanted
            if isinstance(self.output, Alerting):
                alerts += await self._called_for(raw.report_id)
        if items:
            await self._send(items)
        for alert in alerts:
            if alert.remembered and await self._watch.is_told(alert):
                continue
            if await self._alert(self.output, alert) and alert.remembered:
                await self._watch.told(alert)
        if taken:
            await self._move(pending[taken - 1].seq)
        else:
            await self._sleep(self._poll_s)
        return list(pending[taken:])

    async def _send(self, items: list[Item]) -> None:
        """All of it, keeping from one failed attempt to the next what is through already."""
        left, attempt = items, 0
        while left:
            dead = self.output.dead
            try:
                await self._given(partial(self.output.send, left), left)
            except TryAgain as error:
                done = len(left) - len(error.left)
                self.counters.sent += max(0, done - (self.output.dead - dead))
                left = error.left
                if not left:
                    return
                if done:
                    await self._keeper.succeeded()
                attempt = 1 if done else attempt + 1
                await self._move(min(item.seq for item in left) - 1)
                if self._stopping.is_set():
                    raise
                await self._pause(attempt, error.reason, error.retry_after_s)
                if self._stopping.is_set():
                    raise
            else:
                taken = len(left) - (self.output.dead - dead)
                self.counters.sent += taken
                await (self._keeper.succeeded() if taken else self._keeper.rested())
                return

    async def _report(self, raw: _Raw) -> tuple[Report | None, int, ReportRow | None]:
        """Decoded, with the sweep that its token stands for (None if it cannot be), its size, and
        what is known of it now (None: it has no findings, or is gone)."""
        try:
            report, size = await asyncio.to_thread(decoded, raw.body)
        except ReportError as error:
            self.counters.undecodable += 1
            self._passed_over = f"report {raw.report_id} passed over: {error}"
            log.warning("output %s: %s", self.name, self._passed_over)
            return None, 0, None
        if not report.findings:
            return report, size, None
        row = await self.store.report(raw.report_id)
        if row is None:
            return None, size, None  # removed by retention meanwhile
        return structs.replace(report, sweep_id=row.sweep_id), size, row

    async def _wanted(self, raw: _Raw, report: Report, row: ReportRow | None) -> list[Item] | None:
        """None: it is not known yet."""
        limits, signature = (row.limits, row.signature) if row is not None else ((), "")
        items = [
            Item(raw.seq, report, finding, limits, signature)
            for finding in report.findings
            if finding.strength.rank >= self.output.weakest.rank
        ]
        if items and isinstance(self.output, Alerting):
            if "first_hit" not in self.output.events:
                return []
            first = await self.store.is_first_hit(raw.report_id)
            if first is None and self._listed_soon(raw.seq):
                return None
            return [] if first is False else items
        return items

    def _listed_soon(self, seq: int) -> bool:
        """Whether it is worth waiting for: rather a call too many than none."""
        now = time.monotonic()
        if self._unlisted is None or self._unlisted[0] != seq:
            self._unlisted = seq, now
        return now - self._unlisted[1] < LISTED_WITHIN_S

    async def _called_for(self, report_id: str) -> list[Alert]:
        row = await self.store.report(report_id)
        if row is None:
            return []
        found = [await second_sender(self.store, row), await bad_signature(self.store, row)]
        return [alert for alert in found if alert is not None]

    async def _alert(self, output: Output, alert: Alert) -> bool:
        """Until the receiver has it; whether it wants such."""
        if not isinstance(output, Alerting) or alert.event not in output.events:
            return False
        attempt = 0
        while True:
            try:
                await self._given(partial(output.alert, alert), [])
            except TryAgain as error:
                attempt += 1
                await self._pause(attempt, error.reason, error.retry_after_s)
                if self._stopping.is_set():
                    raise
            else:
                await self._keeper.succeeded()
                return True

    async def _given(self, send: Callable[[], Awaitable[None]], left: list[Item]) -> None:
        """With what was refused on the disk, so that the cursor may pass it. Raises TryAgain."""
        self._has_room(left)
        try:
            try:
                await send()
            finally:
                await asyncio.to_thread(self.output.dead_letters.sync)
        except Unkept as error:
            raise TryAgain(str(error), left) from error

    def _has_room(self, left: Sequence[Item]) -> None:
        """Raises TryAgain while the dead letters are full: more would have to be thrown away."""
        if self.output.dead_letters.full:
            raise TryAgain(
                f"{self.output.dead_letters.path} is full of findings that were refused: see"
                " `iocsweep-collector dead-letters`", left,
            )  # fmt: skip

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
        await self._keeper.failed(reason)
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


def decoded(body: bytes) -> tuple[Report, int]:
    """The report and the bytes of its JSON. Raises ReportError."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise ReportError(f"not gzip: {error}") from error
    if len(data) <= MAX_BYTES and not unpacker.eof:
        raise ReportError("gzip body is cut short")
    return decode(data), len(data)
