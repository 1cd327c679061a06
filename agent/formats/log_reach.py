"""How far back an event log goes, and where it is not sound: ids that are missing, a clock that was
set back. Format: as :mod:`.evtx`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ..model.observation import EARLIEST
from .evtx import (
    CHUNK,
    FILE_HEADER,
    RECORD_HEADER,
    RECORD_MAGIC,
    RECORDS,
    SMALLEST_RECORD,
    ChunkReach,
    chunk_reach,
)
from .filetime import ticks_of, utc_of

MAX_GAPS = 64
"""Gaps of one log that are kept; the others are counted."""
_EARLIEST = ticks_of(EARLIEST)
_SET_BACK = 5 * 60 * 10_000_000
"""Five minutes, in 100 ns."""
_STAYS_BACK = 3
"""Records in turn."""


def wide_mark(text: str) -> bytes:
    """What to look for in a chunk to know whether a template has this text. ``rfind`` of it takes
    a tenth of the time of ``find``, which is slow where every other byte is zero."""
    return text.encode("utf-16-le")[:-1]


_OLD_TIME = wide_mark("OldTime")
"""In the template of event 1 of Microsoft-Windows-Kernel-General: the clock was set."""


class Gap(NamedTuple):
    """Record ids that are missing somewhere between two that are there, and when those two were
    written."""

    missing: int
    after: int
    before: int
    start: datetime | None
    end: datetime | None


class LogReach:
    """How far a log goes back, put together from its chunks in any order."""

    def __init__(self, *, clock: bool = False) -> None:
        """``clock``: whether it is the log of a system that says when its clock is set."""
        self._clock = clock
        self._chunks: list[ChunkReach] = []
        self._within: list[tuple[int, int]] = []
        self._following = -1
        """The id behind the last one of the chunk that was added last."""
        self._goes_on = True
        """Whether no id is missing, and chunks came in their order."""
        self._oldest = self._newest = 0
        self.records = 0
        """As the chunks count them."""
        self.problems: dict[str, int] = {}
        """What is wrong with chunks, and with how many. Their bytes can be searched all the
        same."""

    def add(self, data: bytes, base: int = 0) -> ChunkReach:
        """Take the chunk that begins there into account; at the end of a file it may be short."""
        found = chunk_reach(data, base)
        if found.problem:
            self.problems[found.problem] = self.problems.get(found.problem, 0) + 1
        if found.records:
            self._chunks.append(found)
            self.records += found.records
            self._widen(found)
            if len(self._within) < MAX_GAPS and (found.set_back or self._is_clock_set(data, base)):
                self._within += set_backs_in(data, base)
        return found

    @property
    def oldest(self) -> datetime | None:
        """When the first record was written, UTC; never before there was a Windows that could."""
        return utc_of(self._oldest)

    @property
    def used(self) -> int:
        """Bytes: its header and the chunks in which records lie."""
        return FILE_HEADER + CHUNK * len(self._chunks)

    @property
    def newest(self) -> datetime | None:
        """When the last record was written, UTC."""
        return utc_of(self._newest)

    def gaps(self) -> list[Gap]:
        """Where record ids are missing, between chunks and within: at most :data:`MAX_GAPS`."""
        found: list[Gap] = []
        if self._goes_on:
            return found
        until, then = -1, 0
        """The last id so far, and the last time of its chunk."""
        for first, last, records, oldest, newest, *_ in sorted(self._chunks):
            if first > until + 1 and until >= 0:
                found.append(Gap(first - until - 1, until, first, utc_of(then), utc_of(oldest)))
            missing = last - first + 1 - records
            if missing > 0:
                found.append(Gap(missing, first, last, utc_of(oldest), utc_of(newest)))
            if last > until:
                until, then = last, newest
        return found[:MAX_GAPS]

    def setbacks(self) -> list[tuple[datetime | None, datetime | None]]:
        """Where records are older than those before them, by more than services differ and not by
        one or two: from when until when, at most :data:`MAX_GAPS`; they may overlap.

        A machine that wakes writes one or two records with the time at which it fell asleep behind
        others with the right one, and its clock was not set back."""
        found = self._within[:]
        latest = 0
        for chunk in sorted(self._chunks):
            if chunk.records >= _STAYS_BACK and latest - chunk.newest > _SET_BACK:
                found.append((chunk.oldest, latest))
                latest = chunk.newest
            latest = max(latest, chunk.newest)
        return [(utc_of(start), utc_of(end)) for start, end in sorted(found)[:MAX_GAPS]]

    def _widen(self, chunk: ChunkReach) -> None:
        is_next = chunk.first == self._following or self._following < 0
        if not is_next or chunk.last - chunk.first + 1 != chunk.records:
            self._goes_on = False
        self._following = chunk.last + 1
        for end in (chunk.oldest, chunk.newest):
            if end >= _EARLIEST and (end < self._oldest or not self._oldest):
                self._oldest = end
        self._newest = max(self._newest, chunk.newest)

    def _is_clock_set(self, data: bytes, base: int) -> bool:
        return self._clock and data.rfind(_OLD_TIME, base, base + CHUNK) >= 0


def set_backs_in(data: bytes, base: int = 0) -> list[tuple[int, int]]:
    """Where records of the chunk that begins there, three at least in turn, are older than one
    before them, by more than services differ: the oldest of them and that one, 100 ns since 1601.
    Records are followed by their sizes, up to the first that cannot be."""
    found: list[tuple[int, int]] = []
    latest, back, at = 0, list[int](), base + RECORDS
    end = min(base + CHUNK, len(data)) - SMALLEST_RECORD
    while at <= end:
        magic, size, _, ticks = RECORD_HEADER.unpack_from(data, at)
        if magic != RECORD_MAGIC or size < SMALLEST_RECORD:
            break
        if latest - ticks > _SET_BACK:
            back.append(ticks)
        elif back:
            found += _set_back(back, latest)
            back.clear()
        latest = max(latest, ticks)
        at += size
    return [*found, *_set_back(back, latest)]


def _set_back(ticks: list[int], latest: int) -> list[tuple[int, int]]:
    return [(min(ticks), latest)] if len(ticks) >= _STAYS_BACK else []
