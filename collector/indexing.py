"""Listing the findings of reports after they were acknowledged.

A report with thousands of findings costs more to list than to keep; listing it later keeps one
noisy indicator on 20,000 hosts from stalling the fleet. Safe to repeat and to run in several
processes: a finding is listed once, whoever does it. When nothing waits, reports are held against
demands that were changed.

What was just kept need not be read again: its findings are handed over (:class:`Fresh`), as many as
there is room for. The others, and those that a crash left, are read out of the database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import astuple

from agent.model.codec import MAX_BYTES, ReportError, decode
from agent.model.report import Report

from .intake import MAX_JSON, Arrival, Refused, bounded_gunzip, checked, host_name
from .listing import MAX_LISTED, rows_of
from .records import NewReport
from .store.database import Form, Packed, StoreError
from .store.packing import packed
from .store.store import Store

_AT_ONCE = 20
_ROWS_AT_ONCE = 2000
"""Findings per transaction: reports are not kept while it runs."""
_IDLE_S = 0.5
_JUST_NOW_S = 2.0
_FLAG_S = 2.0
"""Between two looks for ids that hosts share, of all hosts of a sweep."""
ROOM_S = 2.0
"""That a report with findings waits for, at most, before it is kept and listed later."""
MAX_FRESH = 50_000
"""Findings that wait in memory, of about a kilobyte each."""
_AFTER_ERROR_S = 5.0
_LOG = logging.getLogger("collector.indexing")


class Listable(NamedTuple):
    """The findings of one report."""

    report_id: str
    sweep_id: str
    host_key: str
    rows: Packed
    """In the order of a finding's columns, in the form of the database."""


NO_ROWS = Packed(0, b"")


def received(arrival: Arrival, form: Form, *, max_json: int = MAX_JSON) -> tuple[NewReport, Packed]:
    """The report, ready to be kept, and its findings, ready to be listed. Raises Refused,
    Unstorable."""
    kept, report = checked(arrival, max_json=max_json)
    return kept, _rows(report, kept.sweep_id, kept.host_key, form) if report.findings else NO_ROWS


class Fresh:
    """Findings of reports that were just kept; those that there is no room for are left out."""

    def __init__(self, most: int = MAX_FRESH) -> None:
        self._most = most
        self._waiting: deque[Listable] = deque()
        self._rows = 0
        """That wait here, or have room kept for them."""
        self._last = float("-inf")
        self._came, self._went = asyncio.Event(), asyncio.Event()
        self.left_out = False
        """Whether some wait in the database since this was said last."""

    @property
    def busy(self) -> bool:
        """Whether reports came just now, or findings wait to be listed."""
        late = time.monotonic() - self._last < _JUST_NOW_S
        return late or bool(self._waiting) or self.left_out

    async def room(self, rows: int, seconds: float = ROOM_S) -> int:
        """Keep room for so many, once there is, and say for how many: for none once this time is
        over. So reports with many findings come no faster than they are listed, and those without
        do not wait. What is kept is given to :meth:`offer` or :meth:`give_back`."""
        if rows > self._most:
            return 0
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room(rows), seconds)
            return rows
        return 0

    async def _room(self, rows: int) -> None:
        while self._rows + rows > self._most:
            self._went.clear()
            await self._went.wait()
        self._rows += rows

    def give_back(self, rows: int) -> None:
        """Room that was kept for naught."""
        self._rows -= rows
        self._went.set()

    def offer(self, report: NewReport, rows: Packed, kept: int = 0) -> None:
        """After its commit. ``kept``: of :meth:`room`."""
        self._last = time.monotonic()
        if not rows.count:
            return
        if self._rows - kept + rows.count > self._most:
            self.give_back(kept)
            self.left_out = True
        else:
            _say_what_is_left_out(report.report_id, report.strong + report.weak + report.excluded)
            self._rows += rows.count - kept
            self._waiting.append(Listable(report.report_id, report.sweep_id, report.host_key, rows))
        self._came.set()

    def take(self, most: int) -> list[Listable]:
        """The oldest, of about so many findings."""
        taken: list[Listable] = []
        while self._waiting and sum(one.rows.count for one in taken) < most:
            taken.append(self._waiting.popleft())
            self._rows -= taken[-1].rows.count
        self._went.set()
        if not self._waiting:
            self._came.clear()
        return taken

    async def came(self, seconds: float) -> None:
        """Until there are some, or this time is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), seconds)


class Indexer:
    """Runs beside the server until it is cancelled."""

    def __init__(self, store: Store, fresh: Fresh | None = None) -> None:
        self._store = store
        self._fresh = fresh or Fresh()
        self._touched: set[str] = set()
        self._flagged = float("-inf")
        self._judging: AsyncIterator[int] | None = None

    async def run(self) -> None:
        """For ever; an error is logged and tried again."""
        while True:
            try:
                worked = await self.once()
            except StoreError as error:
                _LOG.error("indexing waits: %s", error)
                await asyncio.sleep(_AFTER_ERROR_S)
            except Exception:  # noqa: BLE001 - a task that ended would list nothing, and say nothing
                _LOG.exception("indexing failed")
                await asyncio.sleep(_AFTER_ERROR_S)
            else:
                await (asyncio.sleep(0) if worked else self._fresh.came(_IDLE_S))

    async def once(self) -> bool:
        """List what waits, a few reports at a time; whether there was anything."""
        batches = [
            taken
            for _ in range(self._store.database.at_once)
            if (taken := self._fresh.take(_ROWS_AT_ONCE))
        ]
        if batches:
            left_out, self._fresh.left_out = self._fresh.left_out, True  # should it fail
            await asyncio.gather(*(self._store.index_all(batch) for batch in batches))
            self._touched.update(one.sweep_id for batch in batches for one in batch)
            self._fresh.left_out = left_out
            if not left_out:
                return True
        self._fresh.left_out = False
        worked = await self._kept()
        self._fresh.left_out = worked and bool(batches)
        if worked or batches:
            return True
        if self._touched and time.monotonic() - self._flagged >= _FLAG_S:
            for sweep_id in [*self._touched]:
                await self._store.flag_shared_ids(sweep_id)
                self._touched.discard(sweep_id)
            self._flagged = time.monotonic()
        return await self._judge()

    async def _kept(self) -> bool:
        """List what waits in the database."""
        waiting = await self._store.unindexed(_AT_ONCE)
        listed: list[Listable] = []
        for report_id, sweep_id, host_key, body in waiting:
            form = self._store.database.form
            rows = await asyncio.to_thread(_listed, report_id, sweep_id, host_key, body, form)
            listed.append(Listable(report_id, sweep_id, host_key, rows))
            if sum(one.rows.count for one in listed) >= _ROWS_AT_ONCE:
                await self._store.index_all(listed)
                listed.clear()
            self._touched.add(sweep_id)
        if listed:
            await self._store.index_all(listed)
        return bool(waiting)

    async def _judge(self) -> bool:
        """Hold a demand that was changed against a few more hosts; whether there was one."""
        if self._judging is None:
            sweeps = await self._store.to_judge()
            if not sweeps:
                return False
            self._judging = self._store.judge_again(sweeps[0])
        going, self._judging = self._judging, None  # one that fails begins again
        if await anext(going, None) is not None:
            self._judging = going
        return True


def _listed(report_id: str, sweep_id: str, host_key: str, body: bytes, form: Form) -> Packed:
    try:
        report = decode(bounded_gunzip(body, MAX_BYTES), max_bytes=MAX_BYTES)
    except (ReportError, Refused) as error:
        # It was decoded when it came; what changed it since is for `verify` to find out.
        _LOG.error("report %s cannot be read again: %s", report_id, error)
        return NO_ROWS
    _say_what_is_left_out(report_id, len(report.findings))
    return _rows(report, sweep_id, host_key, form)


def _rows(report: Report, sweep_id: str, host_key: str, form: Form) -> Packed:
    rows = rows_of(report, sweep_id, host_key, host_name(report))
    # By their key: what is put in at one end of its range fills its pages.
    return packed(sorted(map(astuple, rows)), form)


def _say_what_is_left_out(report_id: str, findings: int) -> None:
    if findings > MAX_LISTED:
        _LOG.warning(
            "%s of %s findings are listed; the report has all",
            f"{MAX_LISTED:,}", f"{findings:,}", extra={"report": report_id},
        )  # fmt: skip
